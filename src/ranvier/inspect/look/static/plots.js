// The lesson's pictures: the network with its weights, the boundary or the line, the curve and the surface of the loss.

import { el, show, svg } from "./dom.js";
import { colours } from "./field.js";

const W = 460, H = 310, LEFT = 46, RIGHT = 14, TOP = 12, BOTTOM = 38;

const mix = (from, to, share) => `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * share)).join(" ")})`;
const along = (from, to) => (share) => from + (to - from) * share;

// An area with axes: `x` and `y` turn numbers into places on the picture.
class Axes {
  constructor(xRange, yRange, xLabel, yLabel, ticks = {}) {
    this.x = (value) => LEFT + ((value - xRange[0]) / (xRange[1] - xRange[0])) * (W - LEFT - RIGHT);
    this.y = (value) => H - BOTTOM - ((value - yRange[0]) / (yRange[1] - yRange[0])) * (H - TOP - BOTTOM);
    this.canvas = el("canvas", { width: 2 * (W - LEFT - RIGHT), height: 2 * (H - TOP - BOTTOM) });
    const image = svg("foreignObject", { x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM }, this.canvas);
    this.canvas.style.width = this.canvas.style.height = "100%";
    this.svg = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img" }, image);
    this.svg.append(svg("rect", { x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM, fill: "none", class: "axis" }));
    for (const value of nice(xRange)) this.text(this.x(value), H - BOTTOM + 16, tick(value), "middle");
    for (const value of nice(yRange)) this.text(LEFT - 6, this.y(value) + 4, ticks.y ? ticks.y(value) : tick(value), "end");
    this.text((W + LEFT - RIGHT) / 2, H - 4, xLabel, "middle");
    const label = this.text(0, 0, yLabel, "middle");
    label.setAttribute("transform", `translate(11 ${(H - BOTTOM + TOP) / 2}) rotate(-90)`);
    const clip = `area-${Axes.made = (Axes.made || 0) + 1}`; // lines end where the area does
    this.svg.append(svg("clipPath", { id: clip }, svg("rect", { x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM })));
    this.under = svg("g", { "clip-path": `url(#${clip})` });
    this.layer = svg("g");
    this.svg.append(this.under, this.layer);
    this.node = el("div", { class: "plot" }, this.svg);
  }
  text(x, y, text, anchor, kind) {
    const node = svg("text", { x, y, "text-anchor": anchor, class: kind }, text);
    this.svg.append(node);
    return node;
  }
  path(points) { return points.map(([x, y], i) => `${i ? "L" : "M"}${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(""); }
}

const tick = (value) => String(Number(value.toPrecision(6))).replace("-", "−");

function nice([low, high]) {
  const raw = (high - low) / 5, size = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) found.push(Math.abs(value) < 1e-9 ? 0 : value);
  return found;
}

// Paint a square grid of numbers over the whole canvas, smoothly; `colour(value)` gives [r, g, b]. Where the numbers pass
// `level` there is a line.
function wash(canvas, values, size, colour, level = null, line = null) {
  const { width, height } = canvas, context = canvas.getContext("2d"), image = context.createImageData(width, height), above = new Uint8Array(width * height);
  for (let py = 0; py < height; py++) {
    const gy = (1 - py / (height - 1)) * (size - 1), y0 = Math.min(Math.floor(gy), size - 2), fy = gy - y0;
    for (let px = 0; px < width; px++) {
      const gx = (px / (width - 1)) * (size - 1), x0 = Math.min(Math.floor(gx), size - 2), fx = gx - x0, at = y0 * size + x0;
      const value = (values[at] * (1 - fx) + values[at + 1] * fx) * (1 - fy) + (values[at + size] * (1 - fx) + values[at + size + 1] * fx) * fy;
      const pixel = py * width + px, i = pixel * 4;
      above[pixel] = level !== null && value > level ? 1 : 0;
      const edge = level !== null && ((px > 1 && above[pixel] !== above[pixel - 2]) || (py > 1 && above[pixel] !== above[pixel - 2 * width]));
      const [r, g, b] = edge ? line : colour(value);
      image.data[i] = r; image.data[i + 1] = g; image.data[i + 2] = b; image.data[i + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}

const ramp = (stops, n = 256) => Array.from({ length: n + 1 }, (_, i) => {
  const at = (i / n) * (stops.length - 1), from = Math.min(Math.floor(at), stops.length - 2);
  return stops[from].map((value, c) => value + (stops[from + 1][c] - value) * (at - from));
});

function onTheme(node, paint) {
  const listen = () => { if (node.isConnected) paint(); else removeEventListener("theme", listen); };
  addEventListener("theme", listen);
}

export class Boundary {
  title = "What it answers, for every weight and height";
  constructor(lesson) {
    this.lesson = lesson;
    this.axes = new Axes([-35, 35], [-14, 14], lesson.axes[0], lesson.axes[1]);
    this.axes.canvas.width = 400; this.axes.canvas.height = 270;
    this.node = el("div", {}, this.axes.node, el("p", { class: "soft small" }, "Orange: nearer to 1. Blue: nearer to 0. The line between: exactly one half. Circles are the four people, in the colour of their group."));
    onTheme(this.node, () => this.draw(this.found));
  }
  draw(found) {
    this.found = found;
    const now = colours(), shades = ramp([now.minus, now.zero, now.plus]);
    const { values, size } = found.boundary;
    wash(this.axes.canvas, values, size, (value) => shades[Math.round(Math.max(0, Math.min(1, value)) * 256)], 0.5, now.ink);
    this.axes.layer.replaceChildren(...this.lesson.x.flatMap((x, i) => [
      svg("circle", { cx: this.axes.x(x[0]), cy: this.axes.y(x[1]), r: 7, fill: mix(now.zero, this.lesson.y[i] ? now.plus : now.minus, 1), stroke: mix(now.paper, now.paper, 0), "stroke-width": 2.5 }),
      svg("text", { x: this.axes.x(x[0]) + 11, y: this.axes.y(x[1]) + 4, class: "value" }, this.lesson.labels[i]),
    ]));
  }
}

export class Line {
  title = "The line that it has found";
  constructor(lesson) {
    this.lesson = lesson;
    this.axes = new Axes([-2, 11], [-8, 22], "x", "y");
    this.node = this.axes.node;
  }
  draw(found) {
    const { axes, lesson } = this, [answer] = found.asked;
    const clip = found.line.x.map((x, i) => [x, found.line.y[i]]);
    axes.under.replaceChildren(svg("path", { class: "ghost", d: axes.path([[-2, -5], [11, 21]]) }), svg("path", { class: "curve", d: axes.path(clip) }));
    axes.layer.replaceChildren(
      ...lesson.x.map((x, i) => svg("circle", { cx: axes.x(x[0]), cy: axes.y(lesson.y[i]), r: 4.5, fill: "currentColor" })),
      svg("circle", { class: "here", cx: axes.x(10), cy: axes.y(Math.max(-8, Math.min(22, answer.answer))), r: 7 }),
      svg("text", { x: axes.x(10) - 12, y: axes.y(Math.max(-8, Math.min(20, answer.answer))) - 6, class: "value", "text-anchor": "end" }, `at 10: ${show(answer.answer, 3)}`),
    );
  }
}

export class Curve {
  title = "The loss, epoch by epoch";
  constructor(lesson) {
    this.lesson = lesson;
    const logs = lesson.losses.map((loss) => Math.log10(Math.max(loss, 1e-12)));
    const range = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
    this.axes = new Axes([0, lesson.epochs], range[0] < range[1] ? range : [range[0], range[0] + 1], "epoch", "loss", { y: (value) => (Number.isInteger(value) ? `10${superscript(value)}` : "") });
    this.points = logs.map((value, i) => [i, value]);
    const { svg: root, layer } = this.axes;
    root.insertBefore(svg("path", { class: "ghost", d: this.axes.path(this.points) }), layer);
    this.curve = svg("path", { class: "curve" });
    this.here = svg("circle", { class: "here", r: 6 });
    layer.append(this.curve, this.here);
    this.node = this.axes.node;
  }
  draw(found) {
    const at = this.points[found.epoch];
    this.curve.setAttribute("d", this.axes.path(this.points.slice(0, found.epoch + 1)));
    this.here.setAttribute("cx", this.axes.x(at[0]));
    this.here.setAttribute("cy", this.axes.y(at[1]));
  }
}

const superscript = (value) => String(value).replace(/./g, (c) => ({ "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" })[c] ?? "");

export class Surface {
  title = "The loss surface, and the way down";
  constructor(lesson) {
    const { surface } = this.lesson = lesson;
    this.surface = surface;
    this.axes = new Axes([surface.low[0], surface.high[0]], [surface.low[1], surface.high[1]], surface.labels[0], surface.labels[1]);
    this.axes.canvas.width = 400; this.axes.canvas.height = 270;
    this.trace = svg("path", { class: "thin" });
    this.here = svg("circle", { class: "here", r: 6 });
    this.axes.layer.append(this.trace, this.here);
    const says = lesson.names.length > 2
      ? `The plane through the end in which the ${lesson.names.length} weights moved most. Darker is lower; each band is the same step of log loss.`
      : "The loss for every weight and bias. Darker is lower; each band is the same step of log loss.";
    this.node = el("div", {}, this.axes.node, el("p", { class: "soft small" }, says));
    this.paint();
    onTheme(this.node, () => this.paint());
  }
  paint() {
    const { heights, size } = this.surface, now = colours();
    const low = Math.min(...heights), high = Math.max(...heights), bands = 22;
    const dark = document.documentElement.dataset.theme === "dark";
    const shades = ramp(dark ? [[12, 16, 34], [34, 52, 104], [66, 110, 156], [130, 168, 178]] : [[52, 86, 150], [116, 160, 196], [196, 218, 220], [247, 243, 232]]);
    wash(this.axes.canvas, heights, size, (value) => shades[Math.round((Math.floor(((value - low) / (high - low)) * bands) / bands) * 256)] || now.zero);
  }
  draw(found) {
    const path = this.surface.path;
    this.trace.setAttribute("d", this.axes.path(path.slice(0, found.epoch + 1)));
    const [x, y] = path[found.epoch];
    this.here.setAttribute("cx", this.axes.x(x));
    this.here.setAttribute("cy", this.axes.y(y));
  }
}

export class Diagram {
  title = "The network and its weights";
  constructor(lesson) {
    this.lesson = lesson;
    this.svg = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "The neurons, with the weights on their lines" });
    this.node = el("div", { class: "plot" }, this.svg);
    onTheme(this.node, () => this.draw(this.found));
  }
  draw(found) {
    this.found = found;
    const { lesson } = this, now = colours(), sizes = [lesson.x[0].length, ...lesson.units], parts = [], over = [];
    const peak = Math.max(0.5, ...found.weights.map(Math.abs));
    const place = (layer, i) => [along(44, W - 44)(sizes.length > 1 ? layer / (sizes.length - 1) : 0.5), sizes[layer] === 1 ? H / 2 : along(82, H - 82)(i / (sizes[layer] - 1))];
    let next = 0;
    for (let layer = 1; layer < sizes.length; layer++) {
      const from = sizes[layer - 1], to = sizes[layer];
      for (let i = 0; i < from; i++) {
        for (let j = 0; j < to; j++) {
          const k = next + i * to + j, value = found.weights[k], [x1, y1] = place(layer - 1, i), [x2, y2] = place(layer, j);
          parts.push(svg("line", { x1, y1, x2, y2, stroke: mix(now.zero, value < 0 ? now.minus : now.plus, Math.min(1, 0.25 + Math.abs(value) / peak)), "stroke-width": 1.5 + (6 * Math.abs(value)) / peak }));
          const t = i !== j && from > 1 && to > 1 ? 0.31 : 0.5, x = x1 + (x2 - x1) * t, y = y1 + (y2 - y1) * t;
          over.push(chip(x, y, `${lesson.names[k]} ${show(value, 3)}`));
        }
      }
      for (let j = 0; j < to; j++) {
        const [x, y] = place(layer, j), k = next + from * to + j;
        over.push(svg("text", { x, y: y + 43, "text-anchor": "middle", class: "value" }, `${lesson.names[k]} ${show(found.weights[k], 3)}`));
      }
      next += from * to + to;
    }
    const names = ["weight", "height"];
    sizes.forEach((size, layer) => {
      for (let i = 0; i < size; i++) {
        const [x, y] = place(layer, i), output = layer === sizes.length - 1;
        over.push(svg("circle", { cx: x, cy: y, r: 24, fill: mix(now.paper, now.zero, 0.5), stroke: mix(now.accent, now.accent, 0), "stroke-width": 2 }),
          svg("text", { x, y: y + 4, "text-anchor": "middle", class: "value" }, layer === 0 ? (size === 1 ? "x" : `x${i + 1}`) : output ? "ŷ" : `h${i + 1}`));
        if (layer === 0 && size === 2) over.push(svg("text", { x, y: y - 32, "text-anchor": "middle" }, names[i]));
      }
    });
    this.svg.replaceChildren(...parts, ...over);
  }
}

function chip(x, y, text) {
  const wide = text.length * 7.4 + 10, now = colours();
  return svg("g", {}, svg("rect", { x: x - wide / 2, y: y - 10, width: wide, height: 20, rx: 6, fill: mix(now.paper, now.paper, 0), opacity: 0.92 }), svg("text", { x, y: y + 4, "text-anchor": "middle", class: "value" }, text));
}

const SIGMOID = "sigmoid";

// The forward pass for one sample, as it stands on paper.
export class ByHand {
  title = "By hand";
  constructor(lesson) {
    this.lesson = lesson;
    this.which = el("select", { "aria-label": "Whose numbers", onchange: () => this.draw(this.found) }, lesson.x.map((x, i) => el("option", { value: i }, lesson.labels[i] || `x = ${show(x[0], 0)}`)));
    this.lines = el("div", { class: "hand mono" });
    this.node = el("div", {}, el("p", { class: "row small" }, el("span", { class: "soft" }, "The numbers for"), this.which), this.lines);
  }
  draw(found) {
    this.found = found;
    const { lesson } = this, sample = Number(this.which.value), lines = [];
    let values = lesson.x[sample], names = values.length > 1 ? values.map((_, i) => `x${i + 1}`) : ["x"], next = 0;
    lesson.units.forEach((units, layer) => {
      const last = layer === lesson.units.length - 1, from = values.length, results = found.layers[layer][sample], named = [];
      for (let j = 0; j < units; j++) {
        const name = last ? "ŷ" : `h${j + 1}`, weights = values.map((_, i) => next + i * units + j), bias = next + from * units + j;
        const letters = [...weights.map((k, i) => `${lesson.names[k]}·${names[i]}`), lesson.names[bias]].join(" + ");
        const numbers = [...weights.map((k, i) => `${bracket(found.weights[k])}·${bracket(values[i], layer ? 3 : 0)}`), bracket(found.weights[bias])].join(" + ");
        const around = (text) => (lesson.activation === SIGMOID ? `sigmoid(${text})` : text);
        lines.push(el("p", {}, el("b", {}, name), ` = ${around(letters)}`, el("br"), el("span", { class: "soft" }, `= ${around(numbers)}`), el("br"), "= ", el("b", {}, show(results[j]))));
        named.push(name);
      }
      next += from * units + units;
      [values, names] = [results, named];
    });
    const error = lesson.y[sample] - values[0];
    lines.push(el("p", {}, el("b", {}, "loss"), ` = (y − ŷ)² = (${show(lesson.y[sample], 0)} − ${bracket(values[0])})² = `, el("b", {}, show(error * error, 5))));
    this.lines.replaceChildren(...lines);
  }
}

const bracket = (value, digits = 3) => (value < 0 ? `(${show(value, digits)})` : show(value, digits));
