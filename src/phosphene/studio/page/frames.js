// The picture that stands for a look.

import { urls } from "./api.js";
import { el } from "./dom.js";
import { keyOf } from "./looks.js";
import { thumbs } from "./session.js";

export const belongs = (look, picture) =>
  !look.reference || picture.references.some(({ id }) => id === look.reference);

export function lookFrame(look, picture) {
  const key = keyOf(look);
  if (key) return thumbs.frame(key);
  const source = look?.reference ? urls.reference(picture.id, look.reference) : urls.photograph(picture.id);
  return el("span", { class: "thumb" }, el("img", { src: source, alt: "", draggable: "false" }));
}
