// The model's graph: a card for each layer, lines for what flows, and in each card a small picture of what it gives.

import { count, el, put, shape, svg } from "./dom.js";
import { shades, unpack } from "./field.js";

const WIDE = 262, HIGH = 112, ACROSS = 26, DOWN = 38;

export class Graph {
  constructor(root, model, open) {
    this.root = root;
    this.open = open;
    this.cards = new Map();
    this.pictures = {};
    const columns = model.layers.map((layer) => layer.place[0]);
    const left = Math.min(...columns);
    this.at = new Map(model.layers.map((layer) => [layer.id, [
      (layer.place[0] - left) * (WIDE + ACROSS), layer.place[1] * (HIGH + DOWN)]]));
    const width = (Math.max(...columns) - left) * (WIDE + ACROSS) + WIDE;
    const height = (Math.max(...model.layers.map((layer) => layer.place[1])) + 1) * (HIGH + DOWN) - DOWN;
    root.style.width = `${width}px`;
    root.style.height = `${height}px`;
    this.lines = svg("svg", { width, height, "aria-hidden": "true" });
    this.edges = model.edges.map(([from, to]) => this.line(from, to));
    put(root, this.lines, ...model.layers.map((layer) => this.card(layer)));
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", `The ${model.layers.length} layers; arrow keys go from one to the next, Enter opens one`);
    addEventListener("theme", () => this.draw(this.pictures));
  }

  line(from, to) {
    const [x1, y1] = this.at.get(from), [x2, y2] = this.at.get(to);
    const start = [x1 + WIDE / 2, y1 + HIGH], end = [x2 + WIDE / 2, y2];
    const far = y2 - y1 > HIGH + DOWN + 1;
    let d;
    if (far && Math.abs(x1 - x2) < 10) { // a line that would lie under cards goes round them
      const side = x1 + WIDE + 15;
      d = `M${x1 + WIDE},${y1 + HIGH - 18} C${side + 14},${y1 + HIGH} ${side + 14},${y2} ${x2 + WIDE},${y2 + 18}`;
    } else {
      const bend = Math.min(DOWN, (end[1] - start[1]) / 2);
      d = `M${start[0]},${start[1]} C${start[0]},${start[1] + bend} ${end[0]},${end[1] - bend} ${end[0]},${end[1]}`;
    }
    const line = svg("path", { d }), signal = svg("path", { d, class: "signal" });
    signal.style.setProperty("--wait", `${Math.min(y1 / (HIGH + DOWN), 12) * 0.06}s`);
    this.lines.append(line, signal);
    return { from, to, line };
  }

  card(layer) {
    const [x, y] = this.at.get(layer.id);
    const canvas = el("canvas", { width: 1, height: 1, "aria-hidden": "true" });
    const about = [layer.kind, layer.activation, layer.parameters ? `${count(layer.parameters)} parameters` : null].filter(Boolean).join(" · ");
    const gives = layer.gives.map(shape).join(", ");
    const card = el("button", {
      type: "button", class: `layer ${layer.category}`, tabindex: "-1", title: layer.within ? `in ${layer.within}` : null,
      "aria-label": `${layer.name}, ${about}, gives ${gives}`,
      onclick: () => this.open(layer.id), onkeydown: (event) => this.key(event, layer.id), onfocus: () => this.rove(layer.id),
    }, el("div", { class: "name" }, el("span", {}, layer.name), el("span", {}, gives)), el("div", { class: "about" }, about), canvas);
    Object.assign(card.style, { left: `${x}px`, top: `${y}px`, width: `${WIDE}px`, height: `${HIGH}px` });
    if (!this.cards.size) card.tabIndex = 0;
    this.cards.set(layer.id, { card, canvas });
    return card;
  }

  rove(id) { for (const [other, { card }] of this.cards) card.tabIndex = other === id ? 0 : -1; }

  key(event, id) {
    const steps = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!steps) return;
    event.preventDefault();
    const [x, y] = this.at.get(id);
    let best = null, least = Infinity;
    for (const [other, [ox, oy]] of this.at) {
      const along = steps[0] ? (ox - x) * steps[0] : (oy - y) * steps[1];
      const aside = steps[0] ? Math.abs(oy - y) * 5 : Math.abs(ox - x) * 0.5;
      if (other !== id && along > 0 && along + aside < least) { best = other; least = along + aside; }
    }
    if (best) this.focus(best);
  }

  focus(id) {
    this.rove(id);
    const { card } = this.cards.get(id);
    card.focus();
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  select(id) {
    for (const [other, { card }] of this.cards) {
      if (other === id) card.setAttribute("aria-current", "true"); else card.removeAttribute("aria-current");
    }
    for (const edge of this.edges) edge.line.setAttribute("class", edge.from === id || edge.to === id ? "near" : "");
    if (id) this.rove(id);
  }

  // New pictures of what flows; `alive` lets signals run along the lines.
  draw(pictures, alive = false) {
    this.pictures = pictures;
    for (const [id, { canvas }] of this.cards) if (pictures[id]) thumbnail(canvas, pictures[id], WIDE - 26, HIGH - 62);
    if (alive && !this.root.classList.contains("flowing")) {
      this.root.classList.add("flowing");
      setTimeout(() => this.root.classList.remove("flowing"), 1500);
    }
  }
}

function thumbnail(canvas, picture, width, height) {
  const ratio = Math.min(devicePixelRatio || 1, 2), values = unpack(picture), shade = shades();
  let { panels, rows, columns } = picture;
  if (picture.form === "vector" && rows === 1) { // in as many rows as let the cells be square
    const total = columns;
    let cell = Math.min(height, 22);
    while (cell > 2 && Math.floor(width / cell) * Math.floor(height / cell) < total) cell -= 0.5;
    columns = Math.max(1, Math.min(total, Math.floor(width / cell)));
    rows = Math.max(1, Math.ceil(total / columns));
    panels = 1;
  }
  if (!rows || !columns) return;
  const gap = 3, cell = panels > 1
    ? Math.min(height / rows, 22)
    : Math.min(height / rows, width / columns, 22);
  const shown = Math.max(1, Math.min(panels, Math.floor((width + gap) / (columns * cell + gap))));
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.imageSmoothingEnabled = false;
  const small = new OffscreenCanvas(columns, rows), inner = small.getContext("2d"), peak = picture.peak || 1;
  const size = picture.rows * picture.columns;
  for (let panel = 0; panel < shown; panel++) {
    const image = inner.createImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < size; i++) pixels[i] = shade[256 + Math.round(Math.max(-1, Math.min(1, values[panel * size + i] / peak)) * 256)];
    inner.putImageData(image, 0, 0);
    context.drawImage(small, panel * (columns * cell + gap), 0, columns * cell, rows * cell);
  }
}
