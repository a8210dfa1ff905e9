// Before and after: the photograph lies over the painting as long as a button or key is held.

import { urls } from "./api.js";
import { byId } from "./dom.js";
import { store } from "./store.js";

const photograph = byId("photograph");
const button = byId("compare");

export function compare(on) {
  const shown = on && Boolean(store.get("picture"));
  photograph.hidden = !shown;
  byId("stage-tag").hidden = !shown;
  button.setAttribute("aria-pressed", shown);
}

export function startCompare() {
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    compare(true);
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, () => compare(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a phone
  button.addEventListener("keydown", ({ key }) => (key === " " || key === "Enter") && compare(true));
  button.addEventListener("keyup", ({ key }) => (key === " " || key === "Enter") && compare(false));
  let id = null;
  store.watch(["picture"], () => {
    const now = store.get("picture")?.id ?? null;
    if (now && now !== id) photograph.src = urls.photograph(now);
    id = now;
    if (!now) compare(false);
  });
}
