// A lesson: a tiny network, epoch by epoch.

import { ask, latest, measured } from "./ask.js";
import { el, put, show } from "./dom.js";
import { Boundary, ByHand, Curve, Diagram, Line, Surface } from "./plots.js";

export class LessonView {
  constructor(root, trouble) {
    Object.assign(this, { root, trouble, seeds: {}, timer: null });
    this.load = latest(async (number, start) => {
      try {
        const found = await ask("epoch", { name: this.lesson.name, seed: this.seed, epoch: number });
        if (found.epoch <= this.lesson.epochs) this.draw(found);
        measured("epoch", start);
        trouble(null);
      } catch (error) { this.stop(); trouble(error); }
    });
  }

  async open(name, seed = this.seeds[name] ?? 3) {
    if (this.lesson?.name !== name) put(this.root, el("p", { role: "status" }, "The network is being trained …"));
    try {
      const lesson = await ask("tutorial", { name, seed });
      this.lesson = lesson;
      this.seed = this.seeds[name] = seed;
      this.build();
      this.go(0);
    } catch (error) { this.trouble(error); }
  }

  build() {
    const lesson = this.lesson;
    this.slider = el("input", { type: "range", min: 0, max: lesson.epochs, value: 0, "aria-label": "Epoch", oninput: () => this.go(Number(this.slider.value)), onkeydown: (event) => this.key(event) });
    this.play = el("button", { type: "button", id: "play", onclick: () => this.toggle() }, "Play");
    this.said = el("output", { id: "epoch" });
    this.facts = el("div", { class: "scroll" });
    const seed = el("input", { type: "number", min: 0, max: 9999, value: this.seed, id: "seed", onchange: () => this.restart(seed.valueAsNumber) });
    this.parts = [new Diagram(lesson), lesson.x[0].length === 2 ? new Boundary(lesson) : new Line(lesson), new Curve(lesson), new Surface(lesson), new ByHand(lesson)];
    const step = (by, label, text) => el("button", { type: "button", "aria-label": label, onclick: () => { this.stop(); this.go(this.epoch + by); } }, text);
    const how = `SGD, rate ${lesson.rate}, ${lesson.batch === 1 ? "one sample at a time" : "all samples at once"}, mean squared error. Trained with ranvier when this page asked for it.`;
    put(this.root,
      el("div", { class: "top" }, el("div", {}, el("h2", {}, lesson.title), el("p", {}, lesson.sentence), el("p", { class: "soft small" }, how)),
        el("div", { class: "row" }, el("label", { for: "seed", class: "soft small" }, "Start (seed)"), seed, el("button", { type: "button", onclick: () => this.restart(Math.floor(Math.random() * 10000)) }, "Another start"))),
      el("div", { class: "card player" }, el("button", { type: "button", "aria-label": "To the start", onclick: () => { this.stop(); this.go(0); } }, "⏮"),
        step(-1, "One epoch back", "‹"), this.play, step(1, "One epoch on", "›"), this.slider, this.said),
      el("div", { class: "panels" }, this.parts.map((part) => el("section", { class: "card", "aria-label": part.title }, el("h3", {}, part.title), part.node)),
        el("section", { class: "card", "aria-label": "Answers" }, el("h3", {}, "Answers"), this.facts)));
  }

  restart(seed) { this.stop(); if (Number.isInteger(seed)) this.open(this.lesson.name, Math.max(0, Math.min(9999, seed))); }

  go(number) {
    this.epoch = Math.max(0, Math.min(this.lesson.epochs, number));
    this.slider.value = this.epoch;
    this.load(this.epoch, performance.now());
  }

  draw(found) {
    this.said.textContent = `epoch ${found.epoch}  loss ${show(found.loss, 5)}`;
    for (const part of this.parts) part.draw(found);
    const lesson = this.lesson, answers = found.layers.at(-1);
    const rows = lesson.x.map((x, i) => el("tr", {}, el("td", {}, [lesson.labels[i], `(${x.map((value) => show(value, 0)).join(", ")})`].filter(Boolean).join(" ")), el("td", {}, show(lesson.y[i], 0)), el("td", {}, show(answers[i][0]))));
    const asked = found.asked.map((one) => el("tr", {}, el("td", {}, one.who), el("td", {}, "?"), el("td", {}, show(one.answer))));
    put(this.facts, el("table", {}, el("thead", {}, el("tr", {}, ["sample", "target", "answer"].map((cell) => el("th", { scope: "col" }, cell)))), el("tbody", {}, rows, asked)));
  }

  key(event) {
    if (event.key === " ") { event.preventDefault(); this.toggle(); }
    const leap = { PageUp: 50, PageDown: -50 }[event.key];
    if (leap) { event.preventDefault(); this.stop(); this.go(this.epoch + leap); }
  }

  toggle() {
    if (this.timer) { this.stop(); return; }
    if (this.epoch >= this.lesson.epochs) this.go(0);
    this.play.textContent = "Pause";
    const stride = Math.max(1, Math.round(this.lesson.epochs / 250));
    this.timer = setInterval(() => {
      if (this.epoch >= this.lesson.epochs) this.stop();
      else this.go(this.epoch + (this.epoch < 20 ? 1 : stride)); // the first epochs change most
    }, 50);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.play) this.play.textContent = "Play";
  }
}
