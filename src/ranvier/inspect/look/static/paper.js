// Paper to draw a digit on, with mouse, finger or keys; and how MNIST lays a digit into 28 × 28 pixels.

import { el } from "./dom.js";
import { colours } from "./field.js";

const SIDE = 280, PEN = 23;

export class Paper {
  constructor(drawn, finished) {
    this.drawn = drawn;
    this.finished = finished;
    this.ink = new OffscreenCanvas(SIDE, SIDE); // what was drawn, without the pen that keys move
    this.pen = this.ink.getContext("2d", { willReadFrequently: true });
    Object.assign(this.pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    this.canvas = el("canvas", {
      width: SIDE * 2, height: SIDE * 2, tabindex: "0", role: "application",
      "aria-label": "Paper: draw a digit with the mouse, or move the pen with the arrow keys and put it down with Space",
    });
    this.hint = el("div", { class: "hint" }, el("span", {}, "Draw a digit here.", el("br"), "It is centred and scaled as MNIST’s are."));
    this.node = el("div", { id: "paper" }, this.canvas, this.hint);
    this.keys = { x: SIDE / 2, y: SIDE / 4, down: false, shown: false };
    this.last = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.last = this.at(event);
      this.stroke(this.last);
      event.preventDefault();
      this.canvas.focus({ preventScroll: true });
      this.keys.shown = false;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.last) return;
      for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) this.stroke(this.at(each), false);
      this.changed();
    });
    const lift = () => { if (this.last) { this.last = null; this.finished(); } };
    this.canvas.addEventListener("pointerup", lift);
    this.canvas.addEventListener("pointercancel", lift);
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => { this.keys.shown = false; this.paint(); });
    addEventListener("theme", () => this.paint());
    this.paint();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  stroke(to, tell = true) {
    const from = this.last || to;
    this.pen.beginPath();
    this.pen.moveTo(...from);
    this.pen.lineTo(to[0] + 0.01, to[1]);
    this.pen.stroke();
    this.last = to;
    if (tell) this.changed();
  }

  changed() {
    this.hint.hidden = true;
    this.paint();
    this.drawn();
  }

  wipe() {
    this.pen.clearRect(0, 0, SIDE, SIDE);
    this.hint.hidden = false;
    this.keys.down = false;
    this.paint();
    this.drawn();
    this.finished();
  }

  // Put a sample's 784 bytes on the paper.
  lay(pixels) {
    this.pen.clearRect(0, 0, SIDE, SIDE);
    const small = new OffscreenCanvas(28, 28), inner = small.getContext("2d"), image = inner.createImageData(28, 28);
    pixels.forEach((value, i) => { image.data[i * 4 + 3] = value; });
    inner.putImageData(image, 0, 0);
    this.pen.drawImage(small, 0, 0, SIDE, SIDE);
    this.hint.hidden = true;
    this.paint();
  }

  key(event) {
    const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[event.key];
    if (step) {
      const from = [this.keys.x, this.keys.y];
      this.keys.x = Math.max(0, Math.min(SIDE, this.keys.x + step[0]));
      this.keys.y = Math.max(0, Math.min(SIDE, this.keys.y + step[1]));
      this.keys.shown = true;
      if (this.keys.down) { this.last = from; this.stroke([this.keys.x, this.keys.y]); this.last = null; }
    } else if (event.key === " ") {
      this.keys.shown = true;
      this.keys.down = !this.keys.down;
      if (this.keys.down) { this.last = null; this.stroke([this.keys.x, this.keys.y]); this.last = null; } else this.finished();
    } else if (event.key === "Delete" || event.key === "Backspace") this.wipe();
    else return;
    event.preventDefault();
    this.paint();
  }

  paint() {
    const context = this.canvas.getContext("2d"), now = colours();
    context.clearRect(0, 0, SIDE * 2, SIDE * 2);
    context.globalCompositeOperation = "source-over";
    context.drawImage(this.ink, 0, 0, SIDE * 2, SIDE * 2);
    context.globalCompositeOperation = "source-in"; // ink in the theme's colour
    context.fillStyle = `rgb(${now.ink.join(" ")})`;
    context.fillRect(0, 0, SIDE * 2, SIDE * 2);
    context.globalCompositeOperation = "source-over";
    if (this.keys.shown) {
      context.beginPath();
      context.arc(this.keys.x * 2, this.keys.y * 2, PEN, 0, 7);
      context.lineWidth = 4;
      context.strokeStyle = `rgb(${(this.keys.down ? now.plus : now.accent).join(" ")})`;
      context.stroke();
    }
  }

  // The drawing as MNIST's are: the longer side of the ink 20 pixels, its centre of mass in the middle. Null: no ink.
  pixels() {
    const data = this.pen.getImageData(0, 0, SIDE, SIDE).data, sums = new Float64Array((SIDE + 1) * (SIDE + 1));
    let left = SIDE, right = -1, top = SIDE, bottom = -1, mass = 0, massX = 0, massY = 0;
    for (let y = 0; y < SIDE; y++) {
      let row = 0;
      for (let x = 0; x < SIDE; x++) {
        const ink = data[(y * SIDE + x) * 4 + 3];
        row += ink;
        sums[(y + 1) * (SIDE + 1) + x + 1] = sums[y * (SIDE + 1) + x + 1] + row;
        if (ink > 60) { left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y); }
        mass += ink; massX += ink * (x + 0.5); massY += ink * (y + 0.5);
      }
    }
    if (right < 0) return null;
    const size = Math.max(right - left + 1, bottom - top + 1) / 20; // pixels of the paper in one of MNIST's
    const startX = massX / mass - 14 * size, startY = massY / mass - 14 * size;
    const upTo = (x, y) => { // the ink left of x and above y, in between pixels too
      const cx = Math.max(0, Math.min(SIDE, x)), cy = Math.max(0, Math.min(SIDE, y));
      const x0 = Math.min(Math.floor(cx), SIDE - 1), y0 = Math.min(Math.floor(cy), SIDE - 1), fx = cx - x0, fy = cy - y0;
      const at = (i, j) => sums[j * (SIDE + 1) + i];
      return at(x0, y0) * (1 - fx) * (1 - fy) + at(x0 + 1, y0) * fx * (1 - fy) + at(x0, y0 + 1) * (1 - fx) * fy + at(x0 + 1, y0 + 1) * fx * fy;
    };
    const found = new Array(784);
    for (let row = 0; row < 28; row++) {
      for (let column = 0; column < 28; column++) {
        const x = startX + column * size, y = startY + row * size;
        const ink = upTo(x + size, y + size) - upTo(x, y + size) - upTo(x + size, y) + upTo(x, y);
        found[row * 28 + column] = Math.max(0, Math.min(255, Math.round(ink / (size * size))));
      }
    }
    return found;
  }
}
