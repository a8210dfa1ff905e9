// Before and after: the photograph over the painting as long as a button or key is held, or beside it after a click.

import { urls } from "./api.js";
import { byId } from "./dom.js";
import { viewport } from "./session.js";
import { store } from "./store.js";

const CLICK = 300; // milliseconds; who holds the button longer wants to see the photograph alone
const photograph = byId("photograph");
const button = byId("compare");
const border = byId("border"); // between the photograph, left of it, and the painting
let beside = false;

/** Shows the photograph alone, or no longer. */
export function compare(on) {
  const shown = on && Boolean(store.get("picture"));
  byId("stage-tag").hidden = !shown;
  photograph.hidden = !shown && !beside;
  photograph.style.clipPath = shown || !beside ? "" : `inset(0 ${100 - border.value}% 0 0)`;
  button.setAttribute("aria-pressed", shown || beside);
}

function putBeside(on) {
  beside = on && Boolean(store.get("picture"));
  border.hidden = !beside;
  compare(false);
}

function byMouse() {
  let since = 0;
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    since = event.timeStamp;
    compare(true);
  });
  button.addEventListener("pointerup", (event) => {
    if (event.button === 0 && event.timeStamp - since < CLICK) putBeside(!beside);
    compare(false);
  });
  for (const name of ["pointercancel", "blur"]) button.addEventListener(name, () => compare(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a phone
}

export function startCompare() {
  byMouse();
  button.addEventListener("click", ({ detail }) => detail === 0 && putBeside(!beside)); // by keys, or without a mouse
  border.addEventListener("input", () => compare(false));
  viewport.addEventListener("change", () => border.style.setProperty("--zoom", viewport.scale));
  let id = null;
  store.watch(["picture"], () => {
    const now = store.get("picture")?.id ?? null;
    if (now && now !== id) photograph.src = urls.photograph(now);
    if (now !== id) putBeside(false);
    id = now;
  });
}
