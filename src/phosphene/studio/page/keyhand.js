// Painting without a pointer: the arrows move the brush over the canvas, Enter or P puts it down.

import { announce, byId, clamp } from "./dom.js";
import { byKeyboard } from "./modality.js";
import { hideRing, showRing } from "./ring.js";
import { painting } from "./session.js";
import { store } from "./store.js";
import { inHand, point } from "./stroke.js";

const canvas = byId("painting");
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 4;
let at = null;
let stays = false; // P put the brush down: it stays until P lifts it

export function startKeyhand() {
  canvas.addEventListener("keydown", pressed);
  canvas.addEventListener("keyup", ({ key }) => key === "Enter" && !stays && inHand().end());
  canvas.addEventListener("blur", blurred);
  canvas.addEventListener("focus", () => byKeyboard() && showRing(...here()));
}

const here = () => (at ??= [painting.width / 2, painting.height / 2]);

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (ARROWS[event.key]) go(event);
  else if (event.key === "Enter") putDown(event, false);
  else if (event.key.toLowerCase() === "p") toggle(event);
}

function go(event) {
  event.preventDefault();
  const [dx, dy] = ARROWS[event.key];
  const stride = Math.max(2, store.get("brush").size / 8) * (event.shiftKey ? FAR : 1);
  const [x, y] = here();
  at = [clamp(x + dx * stride, 0, painting.width), clamp(y + dy * stride, 0, painting.height)];
  showRing(...at);
  inHand().move([point(...at, 1)]);
}

function putDown(event, staying) {
  event.preventDefault();
  if (event.repeat || inHand().active) return;
  stays = staying;
  showRing(...here());
  if (inHand().begin(point(...at, 1))) announce(`${store.get("tool") === "select" ? "Selecting" : "Painting"} at ${at.map(Math.round).join(", ")}`);
}

function toggle(event) {
  if (!inHand().active) return putDown(event, true);
  stays = false;
  inHand().end();
  return announce("Brush lifted");
}

function blurred() {
  if (inHand().active) inHand().end();
  stays = false;
  hideRing();
}
