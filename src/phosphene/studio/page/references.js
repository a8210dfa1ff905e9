// Pictures brought along as guide or style.

import { api } from "./api.js";
import { el, icon } from "./dom.js";
import { store } from "./store.js";
import { tell, tried } from "./toasts.js";

/** A place to drop or choose such a picture. `onfile(file)` gets it. */
export function bringer(id, words, hint, onfile) {
  const input = el("input", {
    type: "file",
    id: `${id}-file`,
    accept: "image/*,.tif,.tiff,.heic,.heif,.avif,.jxl,.dng,.nef,.cr2,.cr3,.arw,.raf,.orf,.rw2",
    "aria-label": words,
    tabindex: "-1",
    hidden: true,
  });
  input.addEventListener("change", () => {
    if (input.files[0]) onfile(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });
  const button = el(
    "button",
    { type: "button", class: "bringer", title: hint, onclick: () => input.click() },
    icon("photo"),
    el("span", {}, words),
  );
  return el("div", {}, button, input);
}

/** Sends a reference to the open picture. Returns its id, or null. */
export async function bring(file) {
  const picture = store.get("picture");
  if (!picture) return null;
  const leave = tell(`Bringing ${file.name}…`, { milliseconds: 20000 });
  const reference = await tried(() => api.refer(picture.id, file, file.name || "pasted.png"));
  leave();
  const now = store.get("picture");
  if (!reference || now?.id !== picture.id) return null;
  const known = now.references.some(({ id }) => id === reference.id);
  if (!known) store.set({ picture: { ...now, references: [...now.references, reference] } });
  return reference.id;
}
