// The keys of the whole page, in one table that the help shows as well.

import { byId } from "./dom.js";
import { nudge } from "./brushbar.js";
import { openHelp } from "./help.js";
import { openPicker } from "./picker.js";
import { handsBusy, holdSpace } from "./pointer.js";
import { openRender } from "./render.js";
import { photographScale, step, viewport } from "./session.js";
import { clearSelection } from "./selection.js";
import { copyPicture, savePicture } from "./share.js";
import { store } from "./store.js";
import { inHand } from "./stroke.js";
import { compare } from "./compare.js";

const KEPT = "phosphene.keys";
const tool = (name) => () => store.set({ tool: name });

const KEYS = {
  b: tool("brush"),
  e: tool("eraser"),
  s: tool("select"),
  "[": () => nudge("size", -1),
  "]": () => nudge("size", 1),
  "{": () => nudge("softness", -1),
  "}": () => nudge("softness", 1),
  ",": () => nudge("strength", -1),
  ".": () => nudge("strength", 1),
  l: () => openPicker("brush"),
  r: openRender,
  "+": () => viewport.zoom(1.25),
  "=": () => viewport.zoom(1.25),
  "-": () => viewport.zoom(0.8),
  0: () => viewport.fit(),
  1: () => viewport.zoomTo(photographScale()),
  c: () => compare(true),
};

export const singleKeys = () => localStorage.getItem(KEPT) !== "off";
export const setSingleKeys = (on) => localStorage.setItem(KEPT, on ? "on" : "off");

export function startKeys() {
  addEventListener("keydown", pressed);
  addEventListener("keyup", released);
  addEventListener("blur", () => {
    holdSpace(false);
    compare(false);
  });
}

const typing = (target) =>
  target.closest?.("input:not([type=range], [type=radio], [type=checkbox]), textarea, select");

function pressed(event) {
  if (document.querySelector("dialog[open]") || typing(event.target)) return;
  if (event.key === "Escape" && inHand().active) return inHand().cancel();
  if (event.key === "Escape" && store.get("selection") && !document.querySelector(":popover-open")) return clearSelection();
  if (event.ctrlKey || event.metaKey) return withControl(event);
  if (event.altKey || !singleKeys()) return undefined;
  if (event.key === "?") return openHelp();
  if (!store.get("picture")) return undefined;
  if (event.key === " ") return space(event);
  return single(event);
}

function single(event) {
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || (event.repeat && event.key.toLowerCase() === "c")) return;
  event.preventDefault();
  act();
}

function withControl(event) {
  const key = event.key.toLowerCase();
  const keep = { s: savePicture, c: getSelection().isCollapsed ? copyPicture : null }[key];
  if (keep && store.get("picture") && !event.shiftKey) {
    event.preventDefault();
    return keep();
  }
  const direction = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : null;
  if (!direction || !store.get("picture")) return undefined;
  event.preventDefault();
  return handsBusy() ? undefined : step(direction);
}

/** Space presses a button that was reached by keyboard; everywhere else it takes hold of the picture. */
function space(event) {
  if (event.target !== byId("painting") && event.target.matches?.(":focus-visible")) return;
  event.preventDefault();
  holdSpace(true);
}

function released(event) {
  if (event.key === " ") holdSpace(false);
  if (event.key.toLowerCase() === "c") compare(false);
}
