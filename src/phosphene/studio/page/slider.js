// A slider with its name and its number.

import { clamp, el } from "./dom.js";

const STEPS = 100;

/** How a value moves along the track: evenly, or by equal factors (so that 1 lies in the middle of 0.2 to 5). */
export const even = (low, high) => ({
  at: (value) => (value - low) / (high - low),
  value: (at) => low + at * (high - low),
});
export const byFactors = (low, high) => ({
  at: (value) => Math.log(value / low) / Math.log(high / low),
  value: (at) => low * (high / low) ** at,
});

/**
 * Makes a slider from {name, label, title, scale, show(value) → text, usual, oninput(value), onchange(value)}.
 * The element has a `value`.
 */
export function slider({ name, label, title, scale, show, usual, oninput, onchange }) {
  const input = el("input", { type: "range", min: 0, max: STEPS, step: "any", "aria-label": label, title });
  const number = el("output", { class: "tabular", title: "Double-click for the usual value" });
  const element = el("div", { class: "slider" }, el("span", { class: "slider-name", title }, name), number, input);
  let value = usual;

  const paint = () => {
    input.value = scale.at(value) * STEPS;
    input.style.setProperty("--at", scale.at(value));
    input.setAttribute("aria-valuetext", show(value));
    number.textContent = show(value);
  };
  const take = (next, ...hearers) => {
    value = Number(next.toFixed(3)); // 600.0000001 would be too much for the server
    paint();
    for (const hear of hearers) hear?.(value);
  };
  input.addEventListener("input", () => take(scale.value(input.value / STEPS), oninput));
  input.addEventListener("change", () => onchange?.(value));
  input.addEventListener("keydown", (event) =>
    byKey(event, (move) => {
      take(scale.value(clamp(scale.at(value) + move, 0, 1)), oninput, onchange);
    }),
  );
  number.addEventListener("dblclick", () => take(usual, oninput, onchange));

  Object.defineProperty(element, "value", { get: () => value, set: (next) => take(next) });
  paint();
  return element;
}

const MOVES = { ArrowUp: 0.02, ArrowRight: 0.02, ArrowDown: -0.02, ArrowLeft: -0.02, PageUp: 0.1, PageDown: -0.1 };

/** The browser's own step for `step="any"` differs between browsers. */
function byKey(event, act) {
  const move = MOVES[event.key];
  if (move === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act(move);
}
