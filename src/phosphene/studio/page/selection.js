// Where the brush may paint: regions that are clicked on, or what is drawn round. The rest of the picture is dimmed.

import { api, urls } from "./api.js";
import { decode } from "./canvas.js";
import { announce, byId, el, icon } from "./dom.js";
import { painting, whenTold } from "./session.js";
import { store } from "./store.js";
import { tell, tried } from "./toasts.js";

const CLICK = 6; // pixels of the view that a click may move
const canvas = byId("selection");
const bar = byId("selection-bar");
let segments = null; // {id, numbers}: the region of each pixel of the view

class Selecting {
  #points = [];
  active = false;

  begin(point) {
    this.#points = [point];
    this.active = true;
    return true;
  }

  move(points) {
    if (!this.active) return;
    this.#points.push(...points);
    if (this.#reach() > CLICK) drawLine(this.#points);
  }

  end() {
    if (!this.active) return;
    this.active = false;
    if (this.#reach() > CLICK && this.#points.length > 2) select({ regions: [], outline: this.#points.map(([x, y]) => [x, y]) });
    else clicked(this.#points[0]);
  }

  cancel() {
    this.active = false;
    draw();
  }

  #reach() {
    const [[x, y]] = this.#points;
    return Math.max(...this.#points.map(([a, b]) => Math.hypot(a - x, b - y)));
  }
}

export const selecting = new Selecting();

/** A click adds the region under it, or takes it away again. */
async function clicked([x, y]) {
  const numbers = await found(store.get("picture").id);
  if (!numbers) return;
  const number = numbers[Math.floor(y) * painting.width + Math.floor(x)];
  const before = store.get("selection");
  const regions = before?.outline.length ? [] : (before?.regions ?? []);
  const now = regions.includes(number) ? regions.filter((other) => other !== number) : [...regions, number];
  if (now.length) select({ regions: now, outline: [] });
  else clearSelection();
}

function select(selection) {
  store.set({ selection: { ...selection, inverted: store.get("selection")?.inverted ?? false } });
  announce("The brush paints inside the selection");
}

export function clearSelection() {
  store.set({ selection: null });
  announce("The brush paints everywhere");
}

/** The regions of a picture; they are looked for once. */
async function found(id) {
  if (segments?.id === id) return segments.numbers;
  document.body.dataset.selecting = "true";
  const numbers = await tried(async () => numbersOf(await decode(await api.blob(urls.segments(id)))));
  delete document.body.dataset.selecting;
  if (numbers) segments = { id, numbers };
  return numbers;
}

function numbersOf(bitmap) {
  const made = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  made.drawImage(bitmap, 0, 0);
  bitmap.close();
  return made.getImageData(0, 0, painting.width, painting.height).data.filter((_, index) => index % 4 === 0);
}

export function startSelection() {
  bar.append(
    el("span", {}, "The brush paints inside"),
    el("button", { type: "button", class: "soft small", onclick: invert, title: "Inside becomes outside" }, "Invert"),
    el("button", { type: "button", class: "icon-button small", "aria-label": "End the selection", title: "End the selection (Esc)", onclick: clearSelection }, icon("close")),
  );
  store.watch(["selection"], draw);
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

const invert = () => store.set({ selection: { ...store.get("selection"), inverted: !store.get("selection").inverted } });

/** Dims what is not selected. */
async function draw() {
  const selection = store.get("selection");
  canvas.hidden = bar.hidden = !selection;
  if (!selection) return;
  canvas.width = painting.width;
  canvas.height = painting.height;
  const context = canvas.getContext("2d");
  if (selection.outline.length) trace(context, selection.outline).fill();
  const numbers = selection.regions.length ? await found(store.get("picture").id) : null;
  if (selection !== store.get("selection")) return;
  if (numbers) context.putImageData(maskOf(numbers, selection.regions), 0, 0);
  context.globalCompositeOperation = selection.inverted ? "source-in" : "source-out";
  context.fillStyle = getComputedStyle(canvas).color;
  context.fillRect(0, 0, canvas.width, canvas.height);
}

function maskOf(numbers, regions) {
  const image = new ImageData(painting.width, painting.height);
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
