// One layer: what it gives, its weights, what happens within.

import { count, el, put, shape, show } from "./dom.js";
import { Field, legend } from "./field.js";

export class LayerView {
  constructor(root, { pick, back }) { Object.assign(this, { root, pick, back, id: null, field: null, known: new Map() }); }

  width() { return Math.max(220, Math.min(this.root.clientWidth - 34, 760)); }

  show(layer) {
    this.id = layer.id;
    const takes = layer.takes.map(shape).join(" and "), gives = layer.gives.map(shape).join(" and ");
    const chips = [takes ? `${takes} → ${gives}` : gives, layer.activation, layer.parameters ? `${count(layer.parameters)} parameters` : null,
      layer.parameters && !layer.trainable ? "frozen" : null, layer.calls > 1 ? `called ${layer.calls} times; this is the last call` : null, layer.within ? `in ${layer.within}` : null];
    const parts = [
      el("h2", { id: "detail-title" }, layer.name, " ", el("span", { class: "soft" }, layer.kind)),
      el("div", { class: "chips" }, chips.filter(Boolean).map((chip) => el("span", {}, chip))),
    ];
    this.about = el("div", { class: "about" });
    this.inside = el("div");
    this.hint = el("p", { class: "soft small" });
    parts.push(this.about);
    this.field = null;
    if (layer.activation_picture) parts.push(this.activations(layer));
    const first = ["attention", "recurrent", "normalization"].includes(layer.category); // whose inside says most
    if (first) parts.push(this.inside);
    for (const weight of layer.weights) parts.push(this.weight(layer, weight));
    put(this.root, ...parts, first ? null : this.inside);
    const known = this.known.get(layer.id);
    if (known) this.tell(known);
  }

  // What the explanation says, which comes after the rest.
  more(within) {
    if (within.id !== this.id || !this.about.isConnected) return;
    this.known.set(within.id, within);
    this.tell(within);
    put(this.inside, within.tensors.map((tensor) => this.between(tensor)));
  }

  tell(within) {
    put(this.about, within.formula ? el("div", { class: "formula" }, within.formula) : null, within.note ? el("p", { class: "soft small" }, within.note) : null);
    this.hint.textContent = within.neurons ? "Click a neuron, or go to it with the arrow keys and press Enter, to see its sum." : "";
  }

  activations(layer) {
    const picture = layer.activation_picture;
    this.field = new Field(picture, {
      width: this.width(), most: picture.form === "vector" ? 30 : 18, pick: (index) => this.pick(layer.id, index),
      label: `The ${count(picture.count)} numbers that ${layer.name} gives; arrow keys go from one to the next, Enter opens one`,
      name: (index) => placeName(picture, index),
    });
    this.peak = el("span", {}, legend(picture.peak));
    this.seen = el("small", {}, summary(layer.statistics));
    const cut = picture.panels * picture.rows * picture.columns < picture.count ? el("p", { class: "soft small" }, `${count(picture.panels * picture.rows * picture.columns)} of ${count(picture.count)} are shown`) : null;
    return el("div", { class: "block" }, el("h3", {}, layer.category === "input" ? "What comes in" : "What it gives", this.seen), this.field.node,
      el("div", { class: "row spread" }, this.field.reading, this.peak), cut,
      this.hint);
  }

  // New numbers for the layer that is open, while a hand draws.
  refresh(layer) {
    if (!this.field || layer.id !== this.id || !layer.activation_picture) return;
    this.field.update(layer.activation_picture);
    put(this.peak, legend(layer.activation_picture.peak));
    this.seen.textContent = summary(layer.statistics);
  }

  weight(layer, weight) {
    const picture = weight.picture, neurons = picture.form === "neurons";
    const field = new Field(picture, {
      width: this.width(), most: picture.form === "vector" ? 30 : 18,
      pick: neurons ? (index) => this.pick(layer.id, [index[0]]) : undefined,
      label: neurons ? "The weights of each neuron as an image; Enter opens the neuron" : undefined,
      name: (index) => (neurons ? `neuron ${index[0]}, row ${index[1]}, column ${index[2]}` : picture.form === "kernels"
        ? `filter ${Math.floor(index[0] / (picture.across || 1))}, channel ${index[0] % (picture.across || 1)}, row ${index[1]}, column ${index[2]}` : `[${index.join(", ")}]`),
    });
    const says = { neurons: "one image for each neuron: what it looks for", kernels: picture.across ? "a row for each filter, a column for each channel" : "one image for each filter" }[picture.form];
    return el("div", { class: "block" }, el("h3", {}, weight.name, el("small", {}, `${shape(weight.shape)} · ${summary(weight.statistics)}`)),
      says ? el("p", { class: "soft small" }, says) : null, field.node, el("div", { class: "row spread" }, field.reading, legend(picture.peak)));
  }

  between(tensor) {
    const field = new Field(tensor.picture, { width: this.width(), most: tensor.picture.form === "vector" ? 30 : 18 });
    return el("div", { class: "block" }, el("h3", {}, tensor.name, el("small", {}, tensor.axes.filter(Boolean).join(" × ") || shape(tensor.picture.shape))),
      tensor.meaning ? el("p", { class: "soft small" }, tensor.meaning) : null, field.node, el("div", { class: "row spread" }, field.reading, legend(tensor.picture.peak)));
  }
}

function summary(found) {
  return found && found.finite ? `mean ${show(found.mean)} ± ${show(found.deviation)}, ${show(found.least)} to ${show(found.greatest)}` : "nothing finite";
}

export function placeName(picture, index) {
  if (picture.form === "vector") return picture.rows > 1 ? `${index[0]} (row ${Math.floor(index[0] / picture.columns)}, column ${index[0] % picture.columns})` : `neuron ${index[0] ?? 0}`;
  if (picture.form === "maps") return `row ${index.at(-3)}, column ${index.at(-2)}, channel ${index.at(-1)}`;
  return `[${index.join(", ")}]`;
}
