// Small things that all views use.

const byId = (id) => document.getElementById(id);

// An element: el("li.bar", { title: "…" }, "text", child, …). Names of properties; others become attributes.
function el(kind, given = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(given)) {
    if (name === "style") for (const [key, its] of Object.entries(value)) element.style.setProperty(key, its);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, given = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const percent = (p) => (p >= 0.1 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : p > 0 ? "< 0.1 %" : "0 %");
const signed = (value, digits = 2) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
const nats = (value) => value.toFixed(2);
const GROUPS = new Intl.NumberFormat("en-US");
const grouped = (number) => GROUPS.format(number);

// One row of a list of bars: a token, a bar from 0 to 1, a number. `ghost`: the same before a change.
function barRow(label, share, value, { chosen = false, ghost = null, name = "", act = null, muted = false } = {}) {
  const bar = el("span.bar", {}, el("span.fill", { style: { "--share": Math.max(0, Math.min(1, share)) } }));
  if (ghost !== null) bar.append(el("span.ghost", { style: { "--share": Math.max(0, Math.min(1, ghost)) } }));
  const inside = [el("span.token-name", {}, label), bar, el("span.number", {}, value)];
  const row = el("li" + (chosen ? ".chosen" : "") + (muted ? ".muted" : ""));
  if (act) row.append(el("button.line", { type: "button", "aria-label": name || `${label}, ${value}`, "aria-pressed": `${chosen}`, onclick: act }, ...inside));
  else row.append(el("span.line", {}, ...inside));
  return row;
}

// Colors of the style sheet, as canvas and pictures need them. To ask the browser makes it work out all styles anew.
const colors = new Map();
function color(name) {
  if (!colors.has(name)) colors.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return colors.get(name);
}
function rgb(name) {
  const text = color(name).replace("#", "");
  return [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16));
}

// The width of an element's content. To ask the browser makes it lay out all that has changed, so it is told once, and
// when it changes.
const widths = new Map();
const measuring = new ResizeObserver((entries) => { for (const { target, contentRect } of entries) widths.set(target.id, contentRect.width); });
function widthOf(id) {
  if (!widths.get(id)) {
    widths.set(id, byId(id).clientWidth);
    measuring.observe(byId(id));
  }
  return widths.get(id);
}

// `work` once things have been quiet for a while; a later call replaces an earlier one.
const waiting = new Map();
function later(name, milliseconds, work) {
  clearTimeout(waiting.get(name));
  waiting.set(name, setTimeout(work, milliseconds));
}
