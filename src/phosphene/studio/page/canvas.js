// The painting on its canvas. Its backing store has exactly the view's pixels; zoom is the viewport's business.

import { still } from "./dom.js";

const EXACT = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
const GLOW_EVERY = 250;

export class Painting {
  #canvas;
  #context;
  #glow;
  #queue = Promise.resolve();
  #epoch = 0;
  #frames = 0;
  #glowed = 0;

  constructor(canvas, glow) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#glow = glow;
  }

  get width() {
    return this.#canvas.width;
  }

  get height() {
    return this.#canvas.height;
  }

  /** Begins another picture: what is still on its way for the last one is dropped. */
  begin() {
    this.#epoch += 1;
    this.#queue = Promise.resolve();
    this.#frames = 0;
    delete this.#canvas.dataset.ready;
    this.#canvas.dataset.frames = 0;
    this.#canvas.dataset.revision = 0;
  }

  /** Gives the canvas the view's size. A preview that was there stays, scaled, so that nothing blinks. */
  resize({ width, height }) {
    if (width === this.width && height === this.height) return;
    const kept = this.#canvas.dataset.preview ? copyOf(this.#canvas) : null;
    this.#canvas.width = width;
    this.#canvas.height = height;
    if (kept) this.#context.drawImage(kept, 0, 0, width, height);
  }

  /** Shows a bitmap at once, before the server has seen it. */
  preview(bitmap) {
    this.#canvas.dataset.preview = "true";
    this.#canvas.width = bitmap.width;
    this.#canvas.height = bitmap.height;
    this.#context.drawImage(bitmap, 0, 0);
    this.#shine(true);
  }

  /** Draws a frame after all that arrived before it. */
  frame(header, bytes) {
    // Decoding begins at once, for several frames side by side; only the drawing waits its turn.
    const decoded = decode(new Blob([bytes], { type: "image/webp" }));
    decoded.catch(() => {}); // it is told where it is awaited
    this.#enqueue(async () => this.#draw(await decoded, header));
  }

  /** Draws the whole view. `fetchView` returns a Blob; frames that arrive meanwhile are drawn over it. */
  load(fetchView, revision) {
    return this.#enqueue(async (current) => {
      const bitmap = await decode(await fetchView());
      if (!current()) return;
      delete this.#canvas.dataset.preview;
      this.#draw(bitmap, { x: 0, y: 0, width: this.width, height: this.height, revision });
      this.#canvas.dataset.ready = "true";
    });
  }

  #enqueue(work) {
    const epoch = this.#epoch;
    const current = () => epoch === this.#epoch;
    const done = this.#queue.then(() => (current() ? work(current) : undefined));
    this.#queue = done.catch((error) => console.debug(error)); // one bad frame must not hold up the rest
    return done;
  }

  #draw(bitmap, { x, y, width, height, revision }) {
    const context = this.#context;
    context.imageSmoothingEnabled = bitmap.width !== width || bitmap.height !== height;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, x, y, width, height);
    bitmap.close();
    this.#frames += 1;
    this.#canvas.dataset.frames = this.#frames;
    if (revision !== undefined) this.#canvas.dataset.revision = revision;
    this.#shine(false);
  }

  /** Lets the picture's colours fall on the wall behind it. */
  #shine(now) {
    const time = performance.now();
    if (!now && (time - this.#glowed < GLOW_EVERY || still())) return;
    this.#glowed = time;
    const context = this.#glow.getContext("2d");
    const { width, height } = this.#glow;
    context.clearRect(0, 0, width, height);
    context.filter = "blur(2px) saturate(1.3)";
    context.drawImage(this.#canvas, width * 0.16, height * 0.16, width * 0.68, height * 0.68);
  }
}

export const decode = (blob) => createImageBitmap(blob, EXACT);

export function copyOf(canvas) {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}
