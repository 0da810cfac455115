// The left side: where the input comes from, and what the model says about it.

import { ask } from "./ask.js";
import { byId, el, put, show } from "./dom.js";
import { colours } from "./field.js";
import { Paper } from "./paper.js";

export class Input {
  // `changed(source, live)` is called with what the server is asked about; live: while a hand still moves.
  constructor(root, model, changed, trouble) {
    Object.assign(this, { root, model, changed, trouble, sample: 0, start: 0, target: null, source: { sample: 0 } });
    const parts = [el("h2", { id: "input-title" }, "Input")];
    if (model.input.digit) {
      this.paper = new Paper(() => this.fromPaper(true), () => this.fromPaper(false));
      parts[0] = el("div", { class: "row spread" }, parts[0], el("button", { type: "button", id: "wipe", onclick: () => this.paper.wipe() }, "Wipe"));
      parts.push(this.paper.node);
    }
    if (model.input.typed) parts.push(this.numbers());
    parts.push(el("div", { id: "answer", "aria-live": "polite" }));
    this.strip = el("div", { class: "strip", role: "group", "aria-label": "Samples" });
    const total = model.samples.count, step = model.input.digit ? 18 : 6;
    this.step = step;
    this.which = el("input", { type: "number", min: 0, max: total - 1, value: 0, "aria-label": "The number of the sample", onchange: () => this.choose(Number(this.which.value), true) });
    const origin = { mnist: "MNIST’s test digits", given: "Samples", random: "Random samples" }[model.samples.source];
    parts.push(el("div", { class: "block" }, el("h3", {}, origin, el("small", {}, `0 to ${total - 1}`)), this.strip,
      el("div", { class: "row" },
        el("button", { type: "button", onclick: () => this.page(-step), "aria-label": "Earlier samples" }, "‹"),
        el("button", { type: "button", onclick: () => this.page(step), "aria-label": "Later samples" }, "›"),
        this.which, el("button", { type: "button", onclick: () => this.choose(Math.floor(Math.random() * total), true) }, "Any"))));
    if (model.samples.source === "random") parts.push(el("p", { class: "soft small" }, "No samples were given, so these are random numbers: model.look(x, y) shows yours."));
    put(root, ...parts);
  }

  async begin() { await this.choose(0, true); }

  numbers() {
    this.boxes = Array.from({ length: this.model.input.typed }, (_, i) => el("input", {
      type: "number", step: "any", value: 0, id: `number-${i}`, oninput: () => this.fromNumbers(true), onchange: () => this.fromNumbers(false),
    }));
    return el("div", { class: "typed" }, this.boxes.map((box, i) => el("div", {}, el("label", { for: box.id }, `input ${i}`), box)));
  }

  fromPaper(live) {
    const pixels = this.paper.pixels();
    if (!pixels) return;
    this.mark(null);
    this.use({ pixels }, live);
  }

  fromNumbers(live) {
    const numbers = this.boxes.map((box) => box.valueAsNumber);
    if (numbers.some(Number.isNaN)) return;
    this.mark(null);
    this.use({ numbers }, live);
  }

  use(source, live) {
    if (!("sample" in source) || !("sample" in this.source)) this.target = "sample" in source ? null : this.target;
    this.source = source;
    this.changed(this.question(), live);
  }

  question() { return this.target === null ? this.source : { ...this.source, target: this.target }; }

  async page(by) {
    const last = Math.max(0, this.model.samples.count - this.step);
    this.start = Math.max(0, Math.min(last, this.start + by));
    await this.fill();
  }

  async fill() {
    try {
      const { samples } = await ask("samples", { start: this.start, count: this.step });
      this.samples = samples;
      put(this.strip, samples.map((sample) => this.button(sample)));
    } catch (error) { this.trouble(error); }
  }

  button(sample) {
    const label = `Sample ${sample.index}${sample.label === null ? "" : `, ${sample.label}`}`;
    const button = el("button", { type: "button", "aria-label": label, title: label, "aria-pressed": String(sample.index === this.sample), onclick: () => this.choose(sample.index) });
    if (!sample.pixels) {
      button.classList.add("words");
      button.append(`${sample.index}${sample.label === null ? "" : `: ${sample.label}`}`);
      return button;
    }
    const canvas = el("canvas", { width: 28, height: 28 });
    canvas.style.width = canvas.style.height = "37px";
    const paint = () => {
      const context = canvas.getContext("2d"), image = context.createImageData(28, 28), ink = colours().ink;
      sample.pixels.forEach((value, i) => image.data.set([...ink, value], i * 4));
      context.putImageData(image, 0, 0);
    };
    paint();
    const onTheme = () => { if (canvas.isConnected) paint(); else removeEventListener("theme", onTheme); };
    addEventListener("theme", onTheme);
    button.append(canvas);
    return button;
  }

  mark(index) {
    this.sample = index;
    for (const button of this.strip.children) button.setAttribute("aria-pressed", String(this.samples[[...this.strip.children].indexOf(button)]?.index === index));
    if (index !== null) this.which.value = index;
  }

  async choose(index, turn = false) {
    const total = this.model.samples.count;
    index = Math.max(0, Math.min(total - 1, Math.round(index) || 0));
    if (turn && !(this.samples && index >= this.start && index < this.start + this.step)) {
      this.start = Math.max(0, Math.min(total - this.step, index));
      await this.fill();
    }
    this.mark(index);
    const sample = this.samples?.find((one) => one.index === index);
    if (sample?.pixels) this.paper.lay(sample.pixels);
    if (sample?.numbers) sample.numbers.forEach((value, i) => { this.boxes[i].value = value; });
    this.target = null;
    this.use({ sample: index }, false);
  }

  // --- what the model says ---------------------------------------------------------------------------------------

  answer(outputs, label) {
    const root = byId("answer"), parts = [];
    outputs.forEach((output, i) => {
      const title = outputs.length > 1 ? output.name : "The model says";
      parts.push(el("h3", {}, title));
      if (output.kind === "classes") parts.push(...this.classes(output.values, label));
      else if (output.kind === "probability" && output.values.length === 1) {
        parts.push(el("div", { class: "verdict" }, show(output.values[0])), bar(output.values[0] || 0));
      } else parts.push(plain(output));
      if (i === 0) parts.push(this.truth(output, label));
    });
    put(root, ...parts);
  }

  classes(values, label) {
    const best = values.indexOf(Math.max(...values));
    const verdict = el("div", { class: "row" }, el("span", { class: "verdict", id: "verdict" }, best),
      el("span", { class: "soft" }, `${(values[best] * 100).toFixed(1)} % sure`, label === null ? "" : label === String(best) ? " · right" : ` · it is ${label}`));
    const order = values.map((_, i) => i);
    const shown = values.length > 12 ? order.sort((a, b) => values[b] - values[a]).slice(0, 10) : order;
    return [verdict, el("div", { class: "bars" }, shown.flatMap((i) => {
      const name = i === best ? "best" : null;
      return [el("b", { class: name }, i), bar(values[i]), el("span", { class: `mono small ${name || ""}` }, `${(values[i] * 100).toFixed(1)} %`)];
    }))];
  }

  truth(output, label) {
    const classes = output.kind === "classes" && output.values.length <= 100;
    let control;
    const set = (value) => { this.target = value; this.changed(this.question(), false); };
    if (classes) {
      control = el("select", { id: "target", onchange: () => set(control.value === "" ? null : [Number(control.value)]) },
        el("option", { value: "" }, label !== null && this.target === null ? `${label} (its label)` : "none"), output.values.map((_, i) => el("option", { value: i, selected: this.target?.[0] === i }, i)));
    } else if (output.values.length === 1) {
      control = el("input", { id: "target", type: "number", step: "any", value: this.target?.[0] ?? label ?? "", onchange: () => set(Number.isNaN(control.valueAsNumber) ? null : [control.valueAsNumber]) });
    } else return null;
    return el("p", { class: "small row" }, el("label", { for: "target" }, "Target, for gradients:"), control);
  }
}

function bar(share) {
  const inner = el("i");
  inner.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return el("div", { class: "bar" }, inner);
}

function plain(output) {
  const peak = Math.max(1e-12, ...output.values.map((value) => Math.abs(value || 0)));
  const shown = output.values.slice(0, 12);
  const rows = el("div", { class: "bars" }, shown.flatMap((value, i) => {
    const inner = el("i", { class: value < 0 ? "minus" : "plus" });
    inner.style.width = `${(Math.abs(value || 0) / peak) * 50}%`;
    return [el("b", {}, i), el("div", { class: "bar two" }, inner), el("span", { class: "mono small" }, show(value))];
  }));
  const more = output.shape.reduce((a, b) => a * b, 1) - shown.length;
  return el("div", {}, rows, more > 0 ? el("p", { class: "soft small" }, `and ${more} more`) : null);
}
