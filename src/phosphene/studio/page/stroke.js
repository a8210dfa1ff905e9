// One stroke of the brush, on its way to the server. While it is held, the place goes on dreaming there.

import { byId } from "./dom.js";
import { aimAt, live, painting, whenTold } from "./session.js";
import { selecting } from "./selection.js";
import { store } from "./store.js";
import { complain } from "./toasts.js";

const EVERY = 16;
const LATE = 700; // milliseconds after which a lifted brush that still paints is told of
const body = document.body;

class Stroke {
  #waiting = [];
  #timer = 0;
  #late = 0;
  #before = 0;
  active = false;
  begun = false; // the server has shown that it paints

  begin(point) {
    const brush = { ...store.get("brush"), look: lookOfTool(), inside: store.get("selection") };
    const mirrored = store.get("mirrored");
    if (!ready() || !live.send({ do: "begin", brush, mirrored, points: [point] })) {
      complain({
        message: "The brush is not connected.",
        hint: "The studio reconnects by itself; try again in a moment.",
      });
      return false;
    }
    this.begun = false;
    this.#set(true);
    store.set({ painted: true });
    aimAt("brush"); // who paints chooses looks for the next stroke
    return true;
  }

  move(points) {
    if (!this.active || !points.length) return;
    this.#waiting.push(...points);
    this.#timer ||= setTimeout(() => this.#flush(), EVERY);
  }

  end() {
    this.#finish("end");
  }

  cancel() {
    this.#waiting = [];
    this.#finish("cancel");
  }

  #finish(how) {
    if (!this.active) return;
    this.#flush();
    this.#set(false);
    live.send({ do: how });
    if (how === "end") this.#watch(store.get("picture"));
  }

  /** A fast stroke waits at the server, and is painted point by point. */
  #watch({ id, strokes }) {
    clearTimeout(this.#late);
    this.#late = setTimeout(() => {
      const now = store.get("picture");
      this.#before = strokes;
      if (now?.id === id && now.strokes === strokes) store.set({ late: true });
    }, LATE);
  }

  /** Whatever the server tells of may be the end of what was late. */
  told() {
    if (store.get("late") && store.get("picture")?.strokes !== this.#before) store.set({ late: false });
  }

  /** The server would not begin it, and has said why. */
  refused() {
    if (this.active && !this.begun) this.lost();
  }

  lost() {
    clearTimeout(this.#late);
    store.set({ late: false });
    this.#waiting = [];
    this.#set(false);
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#waiting.length) live.send({ do: "points", points: this.#waiting });
    this.#waiting = [];
  }

  #set(active) {
    this.active = active;
    body.dataset.painting = active;
    byId("ring").classList.toggle("holding", active);
  }
}

const ready = () => byId("painting").dataset.ready === "true";
const lookOfTool = () => (store.get("tool") === "eraser" ? { kind: "erase" } : store.get("brushLook"));

/** A point as the server wants it; outside the picture where the brush still reaches into it. */
export const point = (x, y, pressure) => [round(x), round(y), round(pressure)];
const round = (number) => Math.round(number * 100) / 100;

export function reaches(x, y) {
  const reach = store.get("brush").size / 2;
  return x > -reach && y > -reach && x < painting.width + reach && y < painting.height + reach;
}

export const stroke = new Stroke();

/** What is in the hand: the brush, or what draws round a place; until it is lifted, whatever tool is chosen meanwhile. */
export function inHand() {
  if (stroke.active || selecting.active) return stroke.active ? stroke : selecting;
  return store.get("tool") === "select" ? selecting : stroke;
}

whenTold("frame", ({ of }) => of === "stroke" && (stroke.begun = true));
whenTold("error", () => {
  stroke.refused();
  store.set({ late: false });
});
store.watch(["picture"], () => stroke.told());
whenTold("lost", () => stroke.lost());
whenTold("leave", () => stroke.lost());
