// Where the brush may paint: regions that are clicked on, or what is drawn round. The rest of the picture is dimmed.

import { api, urls } from "./api.js";
import { decode } from "./canvas.js";
import { announce, byId, clamp, el, icon } from "./dom.js";
import { painting, viewport, whenTold } from "./session.js";
import { store } from "./store.js";
import { tell, tried } from "./toasts.js";

const CLICK = 5; // pixels of the screen that a click may move
const NEAR = 2; // pixels of the view between two points of an outline
const MOST = 2000; // points of one
const canvas = byId("selection");
const bar = byId("selection-bar");
let segments = null; // {id, width, height, numbers}: the region of each pixel of the view

class Selecting {
  #points = [];
  #far = false;
  active = false;
  takesBack = true; // a half-drawn outline is not kept when a second finger comes

  begin([x, y]) {
    this.#points = [[x, y]];
    this.#far = false;
    this.active = true;
    return true;
  }

  move(points) {
    if (!this.active) return;
    const [first] = this.#points;
    for (const [x, y] of points) {
      if (away(this.#points.at(-1), [x, y]) >= NEAR && this.#points.length < MOST) this.#points.push([x, y]);
      this.#far ||= away(first, [x, y]) * viewport.scale > CLICK;
    }
    if (this.#far) drawLine(this.#points);
  }

  end() {
    if (!this.active) return;
    this.active = false;
    if (this.#far && this.#points.length > 2) select({ regions: [], outline: this.#points });
    else clicked(this.#points[0]);
  }

  cancel() {
    this.active = false;
    draw();
  }
}

const away = ([a, b], [x, y]) => Math.hypot(a - x, b - y);

export const selecting = new Selecting();

/** A click adds the region under it, or takes it away again. */
async function clicked([x, y]) {
  const map = await found(store.get("picture").id);
  if (!map || map.id !== store.get("picture")?.id) return;
  const inside = (at, side) => clamp(Math.floor(at), 0, side - 1);
  const number = map.numbers[inside(y, map.height) * map.width + inside(x, map.width)];
  const before = store.get("selection");
  const regions = before?.outline.length ? [] : (before?.regions ?? []);
  const now = regions.includes(number) ? regions.filter((other) => other !== number) : [...regions, number];
  if (now.length) select({ regions: now, outline: [] });
  else clearSelection();
}

function select(selection) {
  store.set({ selection: { ...selection, inverted: store.get("selection")?.inverted ?? false } });
  announce(where());
}

export function clearSelection() {
  store.set({ selection: null });
  announce("The brush paints everywhere");
}

/** The regions of a picture; they are looked for once. */
async function found(id) {
  if (segments?.id === id) return segments;
  document.body.dataset.selecting = "true";
  const map = await tried(async () => mapOf(await decode(await api.blob(urls.segments(id)))));
  delete document.body.dataset.selecting;
  if (map) segments = { id, ...map };
  return map && segments;
}

function mapOf(bitmap) {
  const { width, height } = bitmap;
  const made = new OffscreenCanvas(width, height).getContext("2d");
  made.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, numbers: made.getImageData(0, 0, width, height).data.filter((_, index) => index % 4 === 0) };
}

export function startSelection() {
  const words = el("span", {});
  const inverting = el("button", { type: "button", class: "soft small", onclick: invert, title: "Inside becomes outside" }, "Invert");
  bar.append(
    words,
    inverting,
    el("button", { type: "button", class: "icon-button small", "aria-label": "End the selection", title: "End the selection (Esc)", onclick: clearSelection }, icon("close")),
  );
  store.watch(["selection"], draw);
  store.watch(["selection"], () => {
    words.textContent = where();
    inverting.setAttribute("aria-pressed", Boolean(store.get("selection")?.inverted));
  });
  whenTold("leave", () => store.set({ selection: null }));
  let [id, hinted] = [null, false];
  store.watch(["picture", "tool"], () => {
    const now = store.get("picture")?.id ?? null;
    if (now && id && now !== id) store.set({ selection: null });
    id = now ?? id;
    if (hinted || !now || store.get("tool") !== "select") return;
    hinted = true;
    tell("Click on a region, as the sky, or draw round a place.", { hint: "The brush then paints only there." });
  });
}

const where = () => (store.get("selection")?.inverted ? "The brush paints outside" : "The brush paints inside");

function invert() {
  const selection = store.get("selection");
  store.set({ selection: { ...selection, inverted: !selection.inverted } });
  announce(where());
}

/** Dims what is not selected. */
async function draw() {
  const selection = store.get("selection");
  canvas.hidden = bar.hidden = !selection;
  if (!selection) return;
  canvas.width = painting.width;
  canvas.height = painting.height;
  const context = canvas.getContext("2d");
  if (selection.outline.length) trace(context, selection.outline).fill("evenodd"); // as the program does
  const map = selection.regions.length ? await found(store.get("picture").id) : null;
  if (selection !== store.get("selection")) return;
  if (map?.numbers.length === canvas.width * canvas.height) context.putImageData(maskOf(map, selection.regions), 0, 0);
  context.globalCompositeOperation = selection.inverted ? "source-in" : "source-out";
  context.fillStyle = getComputedStyle(canvas).color;
  context.fillRect(0, 0, canvas.width, canvas.height);
}

function maskOf({ numbers, width, height }, regions) {
  const image = new ImageData(width, height);
  for (let index = 0; index < numbers.length; index += 1) image.data[4 * index + 3] = regions.includes(numbers[index]) ? 255 : 0;
  return image;
}

function drawLine(points) {
  canvas.hidden = false;
  canvas.width = painting.width;
  canvas.height = painting.height;
  const context = canvas.getContext("2d");
  context.strokeStyle = "#fff";
  context.shadowColor = "#000";
  context.shadowBlur = 3;
  context.lineWidth = Math.max(1.5, painting.width / 500);
  trace(context, points).stroke();
}

function trace(context, points) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.closePath();
  return context;
}
