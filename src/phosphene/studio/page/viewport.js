// Where the picture lies in the stage: zoom and pan, as a CSS transform.

import { clamp } from "./dom.js";

const LEAST = 0.05;
const MOST = 16;
const PIXELS_SHOW_FROM = 3; // from here on single pixels are worth seeing
const MARGIN = 28;
const NARROW_MARGIN = 10;

export class Viewport extends EventTarget {
  #stage;
  #easel;
  #size = { width: 1, height: 1 };
  #fitted = true;

  constructor(stage, easel) {
    super();
    this.#stage = stage;
    this.#easel = easel;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    new ResizeObserver(() => this.#fitted && this.fit()).observe(stage);
  }

  /** The view's size in pixels has become known. */
  hold(size) {
    this.#size = size;
    this.#easel.style.width = `${size.width}px`;
    this.#easel.style.height = `${size.height}px`;
    this.fit();
  }

  /** Whether the whole picture is in sight, as nobody has zoomed. */
  get fitted() {
    return this.#fitted;
  }

  fit() {
    const room = this.#room();
    this.scale = clamp(Math.min(room.width / this.#size.width, room.height / this.#size.height), LEAST, MOST);
    this.x = room.left + (room.width - this.#size.width * this.scale) / 2;
    this.y = room.top + (room.height - this.#size.height * this.scale) / 2;
    this.#apply(true);
  }

  /** Zooms by a factor about a point of the window; without one, about the middle of the stage. */
  zoom(factor, client = this.#middle()) {
    const box = this.#stage.getBoundingClientRect();
    const scale = clamp(this.scale * factor, LEAST, MOST);
    const [px, py] = [client.x - box.left, client.y - box.top];
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.#apply();
  }

  zoomTo(scale) {
    this.zoom(scale / this.scale);
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#apply();
  }

  /** From the window's coordinates to pixels of the view. */
  toView(clientX, clientY) {
    const box = this.#stage.getBoundingClientRect();
    return [(clientX - box.left - this.x) / this.scale, (clientY - box.top - this.y) / this.scale];
  }

  /** From pixels of the view to the stage's coordinates. */
  toStage(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  #apply(fitted = false) {
    this.#fitted = fitted;
    this.#keepInSight();
    this.#easel.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.#easel.classList.toggle("pixels", this.scale >= PIXELS_SHOW_FROM);
    this.dispatchEvent(new Event("change"));
  }

  /** However far one pans, a corner of the picture stays within reach. */
  #keepInSight() {
    const { clientWidth, clientHeight } = this.#stage;
    const keep = 60;
    this.x = clamp(this.x, keep - this.#size.width * this.scale, Math.max(keep, clientWidth - keep));
    this.y = clamp(this.y, keep - this.#size.height * this.scale, Math.max(keep, clientHeight - keep));
  }

  #room() {
    const { clientWidth, clientHeight } = this.#stage;
    const margin = clientWidth < 600 ? NARROW_MARGIN : MARGIN;
    const below = parseFloat(getComputedStyle(this.#stage).getPropertyValue("--covered")) || 0;
    const [width, height] = [clientWidth - 2 * margin, clientHeight - 2 * margin - below];
    return { left: margin, top: margin, width: Math.max(40, width), height: Math.max(40, height) };
  }

  #middle() {
    const box = this.#stage.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  }
}
