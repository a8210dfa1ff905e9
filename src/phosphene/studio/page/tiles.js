// A look as a picture to press, with its name below.

import { el } from "./dom.js";
import { aboutLook, nameOf, sameLook } from "./looks.js";
import { lookFrame } from "./frames.js";
import { store } from "./store.js";

/** `extra` goes under the name, outside the button. */
export function tile(
  look,
  picture,
  onchoose,
  { name = nameOf(look, picture), about = null, sub = null, extra = null } = {},
) {
  const title = about ?? aboutLook(look, store.get("looks"), picture);
  const attributes = { type: "button", class: "tile", title, "aria-pressed": "false", onclick: () => onchoose(look) };
  const button = el(
    "button",
    attributes,
    lookFrame(look, picture),
    el("span", { class: "tile-name" }, name),
    sub && el("span", { class: "tile-sub" }, sub),
  );
  button.look = look;
  return el("li", {}, button, extra);
}

export const grid = (label, ...tiles) => el("ul", { class: "grid", "aria-label": label, role: "list" }, ...tiles);

/** Marks the tiles of `root` that show `look`. */
export function mark(root, look) {
  for (const button of root.querySelectorAll("[aria-pressed]")) {
    if ("look" in button) button.setAttribute("aria-pressed", sameLook(button.look, look));
  }
}
