// A picture of numbers on a canvas: panels of rows and columns, in colours of the theme; with a cursor, if one can pick.

import { el, show } from "./dom.js";

let palette = null;

function rgb(name) {
  const probe = el("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return found;
}

export function colours() {
  palette ??= { zero: rgb("--zero"), plus: rgb("--plus"), minus: rgb("--minus"), ink: rgb("--ink"), accent: rgb("--accent"), paper: rgb("--paper") };
  return palette;
}
addEventListener("theme", () => { palette = null; });

// 256 colours on each side of zero.
let table = null, tableOf = null;
export function shades() {
  const now = colours();
  if (tableOf === now) return table;
  table = new Uint32Array(513);
  for (let i = -256; i <= 256; i++) {
    const share = Math.pow(Math.abs(i) / 256, 0.8), to = i < 0 ? now.minus : now.plus;
    const [r, g, b] = now.zero.map((from, c) => Math.round(from + (to[c] - from) * share));
    table[i + 256] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  tableOf = now;
  return table;
}

export function unpack(picture) {
  if (!picture.values) {
    const text = atob(picture.data), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    picture.values = new Float32Array(bytes.buffer);
  }
  return picture.values;
}

// Where the panels and their cells lie: cells of `cell` pixels, `across` panels in a row.
function arrange(picture, width, most) {
  let { panels, rows, columns } = picture;
  if (picture.form === "vector" && rows === 1) { // a long row is broken into several
    const cell = Math.max(5, Math.min(most, Math.floor(width / Math.min(columns, columns > 40 ? 32 : 16))));
    const perRow = Math.max(1, Math.min(columns, Math.floor(width / cell)));
    return { cell, across: 1, columns: perRow, rows: Math.ceil(columns / perRow), gap: 0, panels: 1 };
  }
  const gap = panels > 1 ? (rows > 8 ? 3 : 2) : 0;
  let across = picture.across || panels, cell;
  if (panels === 1) cell = width / columns;
  else if (picture.across) cell = (width - gap * across) / (across * columns);
  else {
    const wanted = Math.max(columns * 2, Math.min(96, width / Math.ceil(Math.sqrt(panels * 1.4))));
    across = Math.max(1, Math.min(panels, Math.floor((width + gap) / (wanted + gap))));
    cell = (width + gap) / across / columns - gap / columns;
  }
  cell = cell >= 1 ? Math.min(Math.floor(cell), panels === 1 ? most : 16) : cell;
  return { cell: Math.max(cell, 0.5), across, columns, rows, gap, panels };
}

export class Field {
  // options: width, most (pixels of a cell), label, pick(index, panel), ink (draw as ink on paper), name(index)
  constructor(picture, options = {}) {
    this.options = { width: 480, most: 22, ...options };
    this.canvas = el("canvas");
    this.cursor = null;
    this.node = el("div", { class: "field" }, this.canvas);
    this.reading = el("div", { class: "reading", "aria-live": "polite" });
    if (this.options.pick) {
      for (const [name, value] of [["tabindex", "0"], ["role", "application"], ["aria-label", this.options.label || "numbers"]]) this.node.setAttribute(name, value);
      this.node.addEventListener("keydown", (event) => this.key(event));
      this.node.addEventListener("focus", () => this.move(this.cursor || [0, 0], true));
      this.node.addEventListener("blur", () => { this.cursor = null; this.paint(); });
      this.canvas.addEventListener("click", (event) => { const at = this.at(event); if (this.inside(at)) { this.cursor = at; this.choose(); } });
    }
    this.canvas.addEventListener("mousemove", (event) => { const at = this.at(event); if (this.inside(at)) this.read(at); });
    this.canvas.addEventListener("mouseleave", () => { if (!this.cursor) this.reading.textContent = ""; });
    this.onTheme = () => { if (this.canvas.isConnected) this.paint(); else removeEventListener("theme", this.onTheme); };
    addEventListener("theme", this.onTheme);
    this.update(picture);
  }

  update(picture) {
    this.picture = picture;
    this.values = unpack(picture);
    this.plan = arrange(picture, this.options.width, this.options.most);
    this.paint();
  }

  get wide() { return Math.min(this.plan.across, this.plan.panels) * this.plan.columns; }
  get high() { return Math.ceil(this.plan.panels / this.plan.across) * this.plan.rows; }

  // from a place in the whole field of cells to the number's place in `values`
  number([x, y]) {
    const { across, columns, rows, panels } = this.plan;
    const panel = Math.floor(y / rows) * across + Math.floor(x / columns);
    if (x < 0 || y < 0 || x >= this.wide || panel >= panels) return -1;
    const inner = (y % rows) * columns + (x % columns);
    const size = this.picture.rows * this.picture.columns;
    return inner < size ? panel * size + inner : -1;
  }
  inside(at) { return this.number(at) >= 0; }

  index(at) {
    const place = this.number(at), { rows, columns, form, steps } = this.picture;
    const size = rows * columns, panel = Math.floor(place / size), row = Math.floor((place % size) / columns), column = place % columns;
    if (form === "vector") return this.picture.shape.length ? [place] : [];
    if (form === "matrix") return [row * steps[0], column * steps[1]];
    if (form === "maps") return [...Array(Math.max(this.picture.shape.length - 3, 0)).fill(0), row * steps[0], column * steps[1], panel];
    return [panel, row, column];
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect(), { cell, columns, rows, gap } = this.plan;
    const scale = this.width / box.width, stepX = columns * cell + gap, stepY = rows * cell + gap;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    const column = Math.min(Math.floor((x % stepX) / cell), columns - 1), row = Math.min(Math.floor((y % stepY) / cell), rows - 1);
    return [Math.floor(x / stepX) * columns + column, Math.floor(y / stepY) * rows + row];
  }

  read(at) {
    const index = this.index(at);
    const name = this.options.name ? this.options.name(index) : `[${index.join(", ")}]`;
    this.reading.textContent = `${name}  ${show(this.values[this.number(at)])}`;
  }

  move(at) { if (this.inside(at)) { this.cursor = at; this.paint(); this.read(at); } }
  choose() { if (this.cursor) this.options.pick(this.index(this.cursor)); }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const at = this.cursor || [0, 0];
    if (steps) {
      const far = event.shiftKey ? 5 : 1;
      this.move([at[0] + steps[0] * far, at[1] + steps[1] * far]);
    } else if (event.key === "Home") this.move([0, at[1]]);
    else if (event.key === "Enter" || event.key === " ") this.choose();
    else return;
    event.preventDefault();
  }

  paint() {
    const { cell, across, columns, rows, gap, panels } = this.plan, shade = shades();
    const size = this.picture.rows * this.picture.columns, peak = this.options.peak || this.picture.peak || 1;
    const lines = Math.ceil(panels / across), ratio = Math.min(devicePixelRatio || 1, 2);
    this.width = Math.min(across, panels) * (columns * cell + gap) - gap;
    this.height = lines * (rows * cell + gap) - gap;
    this.canvas.width = Math.max(1, Math.round(this.width * ratio));
    this.canvas.height = Math.max(1, Math.round(this.height * ratio));
    this.canvas.style.width = `${this.width}px`;
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.imageSmoothingEnabled = false;
    const small = new OffscreenCanvas(columns, rows), inner = small.getContext("2d");
    for (let panel = 0; panel < panels; panel++) {
      const image = inner.createImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
      for (let i = 0; i < size; i++) {
        pixels[i] = shade[256 + Math.round(Math.max(-1, Math.min(1, this.values[panel * size + i] / peak)) * 256)];
      }
      inner.putImageData(image, 0, 0);
      context.drawImage(small, (panel % across) * (columns * cell + gap), Math.floor(panel / across) * (rows * cell + gap), columns * cell, rows * cell);
    }
    if (this.picture.form === "vector" && cell >= 9 && columns > 1) this.grid(context);
    if (this.cursor) this.frame(context, this.cursor);
  }

  grid(context) { // thin lines between neurons
    const { cell, columns, rows } = this.plan;
    context.strokeStyle = `rgb(${colours().paper.join(" ")})`;
    context.lineWidth = 1;
    context.beginPath();
    for (let i = 1; i < columns; i++) { context.moveTo(i * cell, 0); context.lineTo(i * cell, rows * cell); }
    for (let i = 1; i < rows; i++) { context.moveTo(0, i * cell); context.lineTo(columns * cell, i * cell); }
    context.stroke();
  }

  frame(context, [x, y]) {
    const { cell, columns, rows, gap } = this.plan;
    const left = x * cell + Math.floor(x / columns) * gap, top = y * cell + Math.floor(y / rows) * gap;
    const out = cell >= 9 ? -1 : 1.5; // round a small cell, inside a large one
    for (const [width, colour] of [[4, colours().paper], [2, colours().ink]]) {
      context.lineWidth = width;
      context.strokeStyle = `rgb(${colour.join(" ")})`;
      context.strokeRect(left - out, top - out, cell + 2 * out, cell + 2 * out);
    }
  }
}

export function legend(peak) {
  return el("span", { class: "legend", "aria-label": `colours from minus to plus ${show(peak)}` }, `−${show(peak, 2)}`, el("i"), `+${show(peak, 2)}`);
}
