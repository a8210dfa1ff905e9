// A few choices side by side, of which one holds.

import { el, icon } from "./dom.js";

/** choices: [{value, name, icon?, title?}]. Calls onchange(value). */
export function radios(name, label, choices, value, onchange) {
  const inputs = choices.map((choice) => {
    const attributes = { type: "radio", name, value: choice.value, checked: choice.value === value };
    const input = el("input", { ...attributes, onchange: () => onchange(choice.value) });
    return el(
      "label",
      { class: "segment", title: choice.title },
      input,
      el("span", {}, choice.icon ? icon(choice.icon) : null, choice.name),
    );
  });
  return el("div", { class: "segments", role: "radiogroup", "aria-label": label }, ...inputs);
}
