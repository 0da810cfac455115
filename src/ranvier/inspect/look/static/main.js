// The page: which view is open, and what is asked when something is chosen.

import { ask, latest, measured } from "./ask.js";
import { byId, count, el, put } from "./dom.js";
import { Graph } from "./graph.js";
import { Input } from "./input.js";
import { LayerView } from "./layer.js";
import { LessonView } from "./lesson.js";
import { NeuronView } from "./neuron.js";

const state = { model: null, question: { sample: 0 }, layer: null, neuron: null };
let graph, input, layerView, neuronView, lessonView;

function trouble(error) {
  const box = byId("trouble");
  box.textContent = error ? error.message : "";
  box.hidden = !error;
  if (error && error.name !== "Error" && !("message" in error)) throw error;
}

const guarded = (work) => async (...given) => {
  try { await work(...given); } catch (error) { trouble(error); }
};

// --- the model ---------------------------------------------------------------------------------------------------

const run = latest(guarded(async (question, live, start) => {
  const follows = live && state.layer !== null && state.neuron === null;
  const answer = await ask("run", { input: question, opened: follows ? state.layer : null });
  trouble(null);
  graph.draw(answer.layers, true);
  input.answer(answer.outputs, answer.label);
  if (answer.opened) layerView.refresh(answer.opened);
  measured("run", start);
  if (!live) await refresh();
}));

async function refresh() {
  if (state.neuron !== null) await showNeuron();
  else if (state.layer !== null) await showLayer();
}

// What takes longer comes later, and only if it is still wanted then.
async function later(name, question, take, wait = 0) {
  const { layer, neuron, question: input } = state;
  if (wait) await new Promise((done) => { setTimeout(done, wait); }); // who goes from neuron to neuron is not held up
  if (state.layer !== layer || state.neuron !== neuron || state.question !== input) return;
  ask(name, { ...question, layer, input }).then((answer) => {
    if (state.layer === layer && state.neuron === neuron && state.question === input) { take(answer); }
  }).catch(trouble);
}

async function showLayer() {
  layerView.show(await ask("layer", { layer: state.layer, input: state.question }));
  later("within", {}, (within) => layerView.more(within));
}

async function showNeuron() {
  const neuron = await ask("neuron", { layer: state.layer, index: state.neuron, input: state.question });
  neuronView.show(neuron);
  if (typeof neuron.sum_gradient === "number") later("chain", { index: state.neuron }, (answer) => neuronView.more(answer.chain), 350);
}

const openLayer = guarded(async (id, focus = true) => {
  const start = performance.now();
  Object.assign(state, { layer: id, neuron: null });
  graph.select(id);
  await showLayer();
  measured("layer", start);
  trouble(null);
  if (focus) { byId("detail").scrollTop = 0; (byId("detail").querySelector(".field[tabindex]") || byId("detail")).focus({ preventScroll: innerWidth > 1120 }); }
});

const openNeuron = guarded(async (id, index) => {
  const start = performance.now();
  Object.assign(state, { layer: id, neuron: index });
  await showNeuron();
  measured("neuron", start);
  trouble(null);
  byId("detail").scrollTop = 0;
  byId("detail").querySelector(".crumbs button").focus({ preventScroll: innerWidth > 1120 });
});

function back() {
  if (state.neuron !== null) openLayer(state.layer);
  else if (state.layer !== null) graph.focus(state.layer);
}

async function showModel(model) {
  byId("model-name").textContent = model.name;
  byId("model-facts").textContent = `${model.kind} · ${count(model.parameters)} parameters${model.loss ? ` · ${model.loss}` : ""}`;
  document.title = `${model.name} · ranvier look`;
  layerView = new LayerView(byId("detail"), { pick: openNeuron, back });
  neuronView = new NeuronView(byId("detail"), { back });
  graph = new Graph(byId("graph"), model, (id) => openLayer(id));
  input = new Input(byId("input"), model, (question, live) => { state.question = question; run(question, live, performance.now()); }, trouble);
  byId("detail").addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); back(); } });
  const first = model.layers.find((layer) => layer.parameters) || model.layers[0];
  put(byId("detail"), el("h2", { id: "detail-title" }, "A layer"), el("p", { class: "soft" }, "Choose a layer to see its weights and what it gives, then a neuron to see its sum."));
  state.layer = first.id;
  graph.select(first.id);
  await input.begin();
}

// --- views -------------------------------------------------------------------------------------------------------

function views(overview) {
  const entries = [...(overview.model ? [{ name: "", title: "Model" }] : []), ...overview.tutorials];
  put(byId("views"), entries.map((entry) => el("button", { type: "button", "data-view": entry.name, onclick: () => open(entry.name) }, entry.title)));
}

const open = guarded(async (name) => {
  for (const button of byId("views").children) {
    if (button.dataset.view === name) button.setAttribute("aria-current", "page"); else button.removeAttribute("aria-current");
  }
  byId("model-view").hidden = name !== "";
  byId("lesson-view").hidden = name === "";
  lessonView.stop();
  trouble(null);
  if (name) {
    if (!state.model) document.title = "ranvier look";
    await lessonView.open(name);
  }
});

function theme(wanted) {
  document.documentElement.dataset.theme = wanted;
  byId("theme").textContent = wanted === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-label", `Change to ${wanted === "dark" ? "light" : "dark"} colours`);
  dispatchEvent(new Event("theme"));
}

async function begin() {
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  theme(preferred.matches ? "dark" : "light");
  preferred.addEventListener("change", () => theme(preferred.matches ? "dark" : "light"));
  byId("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  byId("help").addEventListener("click", () => byId("keys").showModal());
  lessonView = new LessonView(byId("lesson-view"), trouble);
  const overview = await ask("overview");
  state.model = overview.model;
  views(overview);
  if (overview.model) byId("model-view").hidden = false;
  if (overview.model) await showModel(overview.model);
  else byId("model-facts").textContent = "the first lessons";
  await open(overview.start || (overview.model ? "" : overview.tutorials[0].name));
  document.documentElement.dataset.ready = "yes";
}

begin().catch(trouble);
