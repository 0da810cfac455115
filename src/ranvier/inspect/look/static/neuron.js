// One neuron: its sum, term by term; with a target also its gradients and the chain rule.

import { count, el, put, shape, show } from "./dom.js";
import { Field } from "./field.js";

export class NeuronView {
  constructor(root, { back }) { Object.assign(this, { root, back }); }

  show(neuron) {
    const [row, column, channel] = neuron.index.slice(-3);
    const where = neuron.index.length === 1 ? `neuron ${row}` : neuron.index.length === 3 ? `neuron at row ${row}, column ${column}, channel ${channel}` : `neuron [${neuron.index.join(", ")}]`;
    const crumbs = el("h2", { id: "detail-title", class: "crumbs" }, el("button", { type: "button", onclick: this.back, "aria-label": `Back to ${neuron.name}` }, `‹ ${neuron.name}`), where);
    if (neuron.sentence) {
      put(this.root, crumbs, neuron.formula ? el("div", { class: "formula" }, neuron.formula) : null, equation([["value", neuron.output, true]]), el("p", {}, neuron.sentence));
      return;
    }
    put(this.root, crumbs, neuron.formula ? el("div", { class: "formula" }, neuron.formula) : null, this.sum(neuron), this.images(neuron), this.terms(neuron), this.gradients(neuron), this.later = el("div"),
      neuron.note ? el("p", { class: "soft small" }, neuron.note) : null);
  }

  sum(neuron) {
    const parts = [];
    const words = { sum: "Σ input × weight", product: "product of the inputs", max: "largest input", min: "smallest input" };
    const products = neuron.bias === null ? neuron.sum : finite(neuron.sum) && finite(neuron.bias) ? neuron.sum - neuron.bias : neuron.sum;
    parts.push([`${words[neuron.combine] || "sum"}, ${count(neuron.terms_total)} terms`, products]);
    if (neuron.bias !== null) parts.push("+", ["bias", neuron.bias], "=", ["sum", neuron.sum]);
    if (neuron.activation && neuron.activation !== "linear") parts.push("→", [`after ${neuron.activation}`, neuron.output, true]);
    else parts[parts.length - 1] = [...parts[parts.length - 1].slice(0, 2), true];
    return equation(parts);
  }

  images(neuron) {
    if (!neuron.pictures?.length) return null;
    const width = Math.min(210, (this.root.clientWidth - 110) / 3);
    const peak = neuron.pictures.map((one) => one.picture.peak || 1);
    const figures = neuron.pictures.map((one, i) => {
      const many = one.picture.panels > 1;
      return el("figure", {}, new Field(one.picture, { width: many ? width : Math.min(width, one.picture.columns * 30), most: many ? 14 : 34, peak: peak[i] }).node, el("figcaption", {}, one.title));
    });
    const signs = ["×", "="];
    return el("div", { class: "block images" }, figures.flatMap((figure, i) => (i ? [el("span", { class: "sign" }, signs[i - 1]), figure] : [figure])));
  }

  terms(neuron) {
    const weighted = neuron.terms.some((term) => term.weight !== null);
    const graded = neuron.terms.some((term) => term.gradient !== null);
    const peak = Math.max(1e-30, ...neuron.terms.map((term) => Math.abs(term.product) || 0));
    const head = [neuron.fold ? "input  row, column" : "input", "value", weighted && "× weight", weighted && "= product", "", graded && "∂L/∂w"].filter((cell) => cell !== false);
    const rows = neuron.terms.map((term) => el("tr", {}, el("td", {}, `${term.source}${term.input_index ? `[${term.input_index.join(", ")}]` : ""}`, pixel(neuron, term)), el("td", {}, show(term.input)),
      weighted ? el("td", {}, term.weight === null ? "" : show(term.weight)) : null, weighted ? el("td", {}, show(term.product)) : null, el("td", { class: "wide" }, twoSided(term.product, peak)), graded ? el("td", {}, show(term.gradient)) : null));
    const hidden = neuron.terms_total - neuron.terms_shown;
    const line = (name, value, gradient, kind) => el("tr", { class: kind }, el("td", {}, name), el("td"), weighted ? el("td") : null, el("td", {}, show(value)), weighted || graded ? el("td", { class: "wide" }, kind ? null : twoSided(value, peak)) : null, graded ? el("td", {}, gradient === null || gradient === undefined ? "" : show(gradient)) : null);
    if (hidden > 0 && neuron.combine === "sum") rows.push(line(`${count(hidden)} more together`, neuron.rest));
    if (neuron.bias !== null) rows.push(line("bias", neuron.bias, neuron.bias_gradient));
    rows.push(line("sum", neuron.sum, null, "total"));
    return el("div", { class: "block" }, el("h3", {}, hidden > 0 ? `The ${neuron.terms_shown} strongest of ${count(neuron.terms_total)} contributions` : "All contributions"),
      el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head.map((cell) => el("th", { scope: "col" }, cell)))), el("tbody", {}, rows))));
  }

  gradients(neuron) {
    if (neuron.why_no_gradient) return el("div", { class: "block" }, el("h3", {}, "Gradients"), el("p", { class: "soft small" }, neuron.why_no_gradient));
    if (neuron.sum_gradient === null || neuron.sum_gradient === undefined) {
      return el("p", { class: "soft small" }, "Choose a target on the left to see the gradients.");
    }
    const parts = [["∂L/∂output", neuron.output_gradient]];
    if (neuron.slope !== null) parts.push("×", [`${neuron.activation || "linear"}′(sum)`, neuron.slope]);
    else parts.push("→", [`through ${neuron.activation}, with its neighbours`, "…"]);
    parts.push("=", ["∂L/∂sum", neuron.sum_gradient, true]);
    return el("div", { class: "block" }, el("h3", {}, "Gradients", neuron.loss ? el("small", {}, `${neuron.loss.name} = ${show(neuron.loss.value)}`) : null), equation(parts),
      el("p", { class: "soft small" }, "Each weight’s gradient is ∂L/∂sum times its input; they stand in the last column above."));
  }

  // The chain rule, which takes longer to work out than the rest.
  more(chain) {
    if (!this.later?.isConnected || !chain) return;
    const paths = chain.paths.map((path) => equation(path.factors.flatMap((factor, i) => [...(i ? ["×"] : []), [factor.formula ? `${factor.symbol} = ${factor.formula}` : factor.symbol, factor.value]]).concat("=", [["product", path.product, true]])));
    const hidden = chain.paths_total - chain.paths_shown;
    put(this.later, el("div", { class: "block" }, el("h3", {}, `The chain rule for ${chain.variable}[${chain.weight.join(", ")}]`, el("small", {}, `∂L/∂w = ${show(chain.gradient)}`)), paths,
      hidden > 0 ? el("p", { class: "soft small" }, `${count(hidden)} more paths together: ${show(chain.rest)}. All add up to ${show(chain.total)}.`) : null));
  }
}

// Of an input that was an image: which pixel.
function pixel(neuron, term) {
  if (!neuron.fold || term.input_index?.length !== 1) return null;
  const [place] = term.input_index;
  return el("span", { class: "soft" }, ` ${Math.floor(place / neuron.fold)}, ${place % neuron.fold}`);
}

const finite = (value) => typeof value === "number" && Number.isFinite(value);

function equation(parts) {
  return el("div", { class: "sum" }, parts.map((part) => (typeof part === "string" ? el("i", {}, part)
    : el("span", { class: part[2] ? "result" : null }, show(part[1]), el("small", {}, part[0])))));
}

function twoSided(value, peak) {
  const inner = el("i", { class: value < 0 ? "minus" : "plus" });
  inner.style.width = `${Math.min(50, (Math.abs(value) / peak) * 50) || 0}%`;
  return el("div", { class: "bar two" }, inner);
}
