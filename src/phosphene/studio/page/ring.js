// The brush's ring: as large as the brush, with an inner line where it begins to soften.

import { byId } from "./dom.js";
import { viewport } from "./session.js";
import { store } from "./store.js";

const ring = byId("ring");
const LEAST = 6;
let place = null; // in pixels of the view

export function showRing(x, y) {
  place = [x, y];
  draw();
}

export function hideRing() {
  place = null;
  ring.hidden = true;
}

function draw() {
  ring.hidden = !place;
  if (!place) return;
  const { size, softness } = store.get("brush");
  const across = store.get("tool") === "select" ? LEAST : Math.max(LEAST, size * viewport.scale);
  const [x, y] = viewport.toStage(...place);
  ring.style.width = `${across}px`;
  ring.style.height = `${across}px`;
  ring.style.transform = `translate(${x - across / 2}px, ${y - across / 2}px)`;
  ring.style.setProperty("--core", 1 - softness);
  ring.classList.toggle("erasing", store.get("tool") === "eraser");
}

/** Shows the ring in the middle of the stage while a slider is turned. */
export function tryRing() {
  if (place) return;
  const box = byId("stage").getBoundingClientRect();
  showRing(...viewport.toView(box.left + box.width / 2, box.top + box.height / 2));
  clearTimeout(tryRing.timer);
  tryRing.timer = setTimeout(hideRing, 900);
}

store.watch(["brush", "tool"], draw);
viewport.addEventListener("change", draw);
