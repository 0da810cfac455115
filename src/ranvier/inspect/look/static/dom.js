// Building elements. Text is always text: nothing that comes from a model is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

export function put(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function shape(sizes) {
  return sizes.length ? sizes.map((size) => (size === null ? "any" : size)).join(" × ") : "1";
}

// A number in few characters, with a real minus sign and columns that line up.
export function show(value, digits = 4) {
  if (value === null || value === undefined) return "not finite";
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  let text;
  if (value === 0) text = "0";
  else if (size >= 1e5 || size < 1e-4) text = value.toExponential(2);
  else if (size >= 1000) text = value.toFixed(1);
  else text = value.toFixed(size >= 100 ? 2 : digits);
  return text.replace("-", "−");
}

export const count = (n) => n.toLocaleString("en-US");
