// What is looked at closely, sharper than it was painted: a window over the painting, dreamt when all is quiet.

import { copyOf, decode } from "./canvas.js";
import { byId, clamp } from "./dom.js";
import { live, painting, photographScale, viewport, whenTold } from "./session.js";
import { store } from "./store.js";

const QUIET = 700; // milliseconds without a change, after which it is worth beginning
const WORTH = 1.15; // pixels of the screen for one of the view, from which on the view looks soft
const MOST = 2_000_000; // pixels of the window, for the time that they take
const stage = byId("stage");
const canvas = byId("closeup");
const context = canvas.getContext("2d");
let timer = 0;
let asked = ""; // the window that is shown, or on its way
let shown = null; // where that lies, in pixels of the view
let changes = 0;

export function startCloseup() {
  viewport.addEventListener("change", later);
  store.watch(["picture", "connected", "jobs"], later);
  whenTold("frame", (header, bytes) => (header.of === "closeup" ? draw(header, bytes) : changed(header)));
  for (const name of ["lost", "leave"]) whenTold(name, forget);
  let id = null;
  store.watch(["picture"], () => {
    const now = store.get("picture")?.id ?? null;
    if (now !== id) forget();
    id = now;
  });
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(ask, QUIET);
}

/** Asks for the part of the picture that is in sight, unless something is being painted. */
function ask() {
  const picture = store.get("picture");
  if (!picture || !live.open || byId("painting").dataset.ready !== "true") return undefined;
  if (picture.growing || document.body.dataset.painting === "true") return later();
  const wanted = wish(picture);
  if (wanted === asked) return undefined;
  asked = wanted;
  if (!JSON.parse(wanted).part) hide();
  return live.send(JSON.parse(wanted));
}

function wish({ width, height }) {
  const [left, top] = viewport.toView(...corner(0, 0)).map((at, axis) => clamp(at / extent(axis), 0, 1));
  const [right, bottom] = viewport.toView(...corner(1, 1)).map((at, axis) => clamp(at / extent(axis), 0, 1));
  const scale = Math.min(viewport.scale * devicePixelRatio, photographScale());
  const soft = !viewport.fitted && scale >= WORTH && left < right && top < bottom;
  if (!soft) return JSON.stringify({ do: "closeup", part: null });
  const pixels = (right - left) * (bottom - top) * painting.width * painting.height * scale ** 2;
  const long = Math.max(painting.width, painting.height) * scale * Math.min(1, Math.sqrt(MOST / pixels));
  const long_side = Math.round(Math.min(long, Math.max(width, height)));
  return JSON.stringify({ do: "closeup", part: { left, top, right, bottom }, long_side });
}

const extent = (axis) => [painting.width, painting.height][axis];

function corner(right, down) {
  const box = stage.getBoundingClientRect();
  return [box.left + right * box.width, box.top + down * box.height];
}

async function draw({ x, y, width, height }, bytes) {
  const before = changes;
  const bitmap = await decode(new Blob([bytes], { type: "image/webp" }));
  if (before !== changes || !asked || !JSON.parse(asked).part) return;
  const large = shown && width * height * (canvas.width / shown.width) ** 2 > 2 * MOST; // as when one zooms out
  const sharper = shown && !large && canvas.width / shown.width > (1.05 * bitmap.width) / width ? copyOf(canvas) : null;
  const density = sharper ? canvas.width / shown.width : bitmap.width / width;
  const was = shown;
  shown = { x, y, width, height };
  for (const [side, length] of Object.entries({ left: x, top: y, width, height })) canvas.style[side] = `${length}px`;
  canvas.width = sharper ? Math.round(width * density) : bitmap.width;
  canvas.height = sharper ? Math.round(height * density) : bitmap.height;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  if (sharper) context.drawImage(sharper, (was.x - x) * density, (was.y - y) * density); // until this is as sharp
  bitmap.close();
  canvas.hidden = false;
}

/** Where the painting changes, it is seen as it is painted, until that is dreamt closely as well. */
function changed({ x, y, width, height }) {
  changes += 1;
  asked = "";
  if (shown) {
    const [across, down] = [canvas.width / shown.width, canvas.height / shown.height];
    context.clearRect((x - shown.x) * across, (y - shown.y) * down, width * across, height * down);
  }
  later();
}

function hide() {
  shown = null;
  canvas.hidden = true;
}

function forget() {
  asked = "";
  hide();
}
