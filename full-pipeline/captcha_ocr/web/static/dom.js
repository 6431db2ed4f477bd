// Builds elements. Text goes in as text nodes, never as HTML: file names and readings come from
// strangers.

const SVG = "http://www.w3.org/2000/svg";

/** @param attributes on*: a listener; class; anything else: an attribute. null is left out. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function byId(id) {
  return document.getElementById(id);
}

/** Text that is written again would be read out again. */
export function write(node, ...parts) {
  const text = parts.map((part) => part.textContent ?? part).join("");
  if (node.textContent !== text) node.replaceChildren(...parts);
}

/** A 24 x 24 line drawing. */
export function icon(path) {
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
