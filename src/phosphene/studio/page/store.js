// What the page knows, in one place, and who wants to hear of changes.

export class Store {
  #values;
  #hearers = [];

  constructor(values) {
    this.#values = { ...values };
  }

  get(name) {
    return this.#values[name];
  }

  set(changes) {
    const changed = Object.keys(changes).filter((name) => this.#values[name] !== changes[name]);
    Object.assign(this.#values, changes);
    for (const { names, act } of this.#hearers) {
      if (names.some((name) => changed.includes(name))) act();
    }
  }

  /** Calls `act` now and whenever one of `names` changes. */
  watch(names, act) {
    this.#hearers.push({ names, act });
    act();
  }
}

export const store = new Store({
  looks: null, // what /api/looks says
  picture: null, // STATE of the open picture
  jobs: new Map(), // by id
  connected: false,
  tool: "brush", // or "eraser", or "select"
  brush: { size: 140, softness: 0.6, strength: 1, pressure: "size" },
  mirrored: false, // whether each stroke is painted left and right
  selection: null, // where the brush paints: {regions, outline, inverted}; null is everywhere
  brushLook: { kind: "dream", preset: "beasts" },
  recent: [], // looks that the brush had, newest first
  target: "ground", // where a look chosen in the panel goes: "ground" or "brush"
  chosenTarget: null, // {picture, target}, once somebody chose it or painted
  painted: false, // whether somebody has ever painted here
  late: false, // whether a stroke goes on being painted after the brush was lifted
  locked: false, // whether the server does not know this page any more
  tab: "dream",
});

const KEPT = "phosphene.hand";

/** Keeps the brush from one visit to the next. */
export function rememberHand() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    if (kept.brush) store.set({ brush: { ...store.get("brush"), ...kept.brush } });
    if (kept.recent) store.set({ recent: kept.recent });
    if (kept.painted) store.set({ painted: true });
    if (kept.chosenTarget) store.set({ chosenTarget: kept.chosenTarget });
    if (kept.brushLook && !kept.brushLook.reference) store.set({ brushLook: kept.brushLook });
  } catch {
    localStorage.removeItem(KEPT);
  }
  store.watch(["brush", "brushLook", "recent", "chosenTarget", "painted"], () => {
    const [brush, brushLook, chosenTarget, painted] = ["brush", "brushLook", "chosenTarget", "painted"].map((name) =>
      store.get(name),
    );
    const recent = store.get("recent").filter((look) => !look.reference); // references belong to one picture
    localStorage.setItem(KEPT, JSON.stringify({ brush, brushLook, recent, chosenTarget, painted }));
  });
}
