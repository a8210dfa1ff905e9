// Hands on the stage: a mouse or pen paints, one finger paints, two fingers move the picture.

import { byId } from "./dom.js";
import { hideRing, showRing } from "./ring.js";
import { viewport } from "./session.js";
import { inHand, point, reaches } from "./stroke.js";

const stage = byId("stage");
const canvas = byId("painting");
const SECOND_FINGER = 80; // milliseconds that a finger waits for another one before it paints
const MOVED = 7; // pixels after which it does not wait any more
const TAKEN_BACK = 300; // a stroke this young was the first finger of a pinch

const fingers = new Map(); // the pointers that are down
let mode = null; // "paint", "wait", "pan" or "pinch"
let waiting = null; // {timer, event}: one finger, not yet painting
let begun = 0;
let spaceDown = false;

export function holdSpace(down) {
  spaceDown = down;
  stage.classList.toggle("grab", down);
}

export const handsBusy = () => mode !== null;

export function startPointer() {
  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", cancelled);
  stage.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && !mode && hideRing());
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("contextmenu", (event) => onPicture(event) && event.preventDefault());
}

const onPicture = (event) => !event.target.closest("button, .growing, .border, .selection-bar");

function down(event) {
  if (!onPicture(event)) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  if (event.pointerType === "touch" && penIsDown()) return; // the hand that holds the pen
  fingers.set(event.pointerId, event);
  stage.setPointerCapture(event.pointerId);
  if (event.pointerType === "touch") touched(event);
  else if (event.button === 1 || spaceDown) mode = "pan";
  else if (event.button === 0) paint(event);
  stage.classList.toggle("panning", mode === "pan");
}

const penIsDown = () => [...fingers.values()].some(({ pointerType }) => pointerType === "pen");

function touched(event) {
  if (fingers.size === 1) {
    mode = "wait";
    waiting = { event, timer: setTimeout(() => mode === "wait" && paint(event), SECOND_FINGER) };
    return;
  }
  stopWaiting();
  const young = performance.now() - begun < TAKEN_BACK;
  if (inHand().active) young || inHand().takesBack ? inHand().cancel() : inHand().end();
  hideRing();
  mode = "pinch";
}

function stopWaiting() {
  clearTimeout(waiting?.timer);
  waiting = null;
}

function paint(event) {
  stopWaiting();
  const [x, y] = viewport.toView(event.clientX, event.clientY);
  mode = reaches(x, y) && inHand().begin(pointOf(event)) ? "paint" : null;
  begun = performance.now();
  showRing(x, y);
}

/** A mouse has no pressure and says 0.5; a finger says nothing useful. */
function pointOf(event) {
  const [x, y] = viewport.toView(event.clientX, event.clientY);
  return point(x, y, event.pointerType === "pen" ? event.pressure : 1);
}

function move(event) {
  const before = fingers.get(event.pointerId);
  if (event.pointerType !== "touch" || mode === "paint") showRing(...viewport.toView(event.clientX, event.clientY));
  if (!before) return;
  if (mode === "wait" && far(event, waiting.event)) paint(waiting.event);
  if (mode === "paint") inHand().move(coalesced(event).map(pointOf));
  else if (mode === "pan") viewport.pan(event.clientX - before.clientX, event.clientY - before.clientY);
  else if (mode === "pinch") pinch(event, before);
  fingers.set(event.pointerId, event);
}

const far = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) > MOVED;

function coalesced(event) {
  const events = event.getCoalescedEvents?.() ?? [];
  return events.length ? events : [event];
}

function pinch(event, before) {
  const other = [...fingers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
  if (!other) return;
  const spread = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  const middle = { x: (event.clientX + other.clientX) / 2, y: (event.clientY + other.clientY) / 2 };
  viewport.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  viewport.zoom(spread(event) / Math.max(1, spread(before)), middle);
}

function up(event) {
  if (!fingers.delete(event.pointerId)) return;
  if (mode === "wait") paint(waiting.event); // a tap is a dab
  if (mode === "paint") {
    inHand().move([pointOf(event)].filter(() => event.pointerType !== "pen")); // a lifted pen presses with 0
    inHand().end();
  }
  finish(event);
}

function cancelled(event) {
  if (!fingers.delete(event.pointerId)) return;
  if (mode === "wait") stopWaiting();
  if (mode === "paint") inHand().cancel();
  finish(event);
}

/** After a pinch the finger that stays does not begin to paint. */
function finish(event) {
  if (fingers.size === 0) mode = null;
  if (event.pointerType === "touch") hideRing();
  stage.classList.remove("panning");
}

function wheel(event) {
  event.preventDefault();
  if (event.shiftKey) return viewport.pan(-event.deltaX || -event.deltaY, 0);
  const lines = event.deltaMode === 1 ? 16 : 1;
  const speed = event.ctrlKey ? 0.01 : 0.0016; // a trackpad's pinch comes as small steps with Ctrl
  viewport.zoom(Math.exp(-event.deltaY * lines * speed), { x: event.clientX, y: event.clientY });
  return showRing(...viewport.toView(event.clientX, event.clientY));
}
