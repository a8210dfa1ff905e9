// Small helpers for making and finding elements.

export const byId = (id) => document.getElementById(id);

/** Makes an element: el("button", {class: "tile", type: "button", onclick: f, "aria-label": "x"}, ...children). */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) give(element, name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function give(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Puts the icons into the elements of index.html that ask for one. */
export function drawIcons(root = document) {
  for (const element of root.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Calls `act` once there was no call for `milliseconds`. */
export function debounced(act, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), milliseconds);
  };
}

let said = 0;

/** Tells people who listen instead of looking. */
export function announce(words) {
  const place = byId("announcer");
  // The same words twice would not be read a second time.
  place.textContent = words + (said++ % 2 ? "\u00a0" : "");
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
