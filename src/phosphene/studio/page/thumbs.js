// Thumbnails of looks on this very picture. They are asked for by the set and arrive one by one.

import { api, urls } from "./api.js";
import { el } from "./dom.js";
import { complain } from "./toasts.js";

/** How the keys of a set begin: its name without the plural's s. */
const startOf = (set, layer) => `${set.slice(0, -1)}-${layer ? `${layer}-` : ""}`;
const nameOf = (set, layer) => `${set} ${layer ?? ""}`;
const named = (list, prefix) => list.map(({ name }) => `${prefix}-${name}`);

export class Thumbs extends EventTarget {
  #id = null;
  #online = false;
  #made = new Set();
  #images = new Map(); // key → the images that wait for it or show it
  #asked = new Map(); // "channels block8" → {set, layer, job, done}
  #looks = null;

  begin(id, looks) {
    this.#id = id;
    this.#looks = looks;
    this.#made.clear();
    this.#images.clear();
    this.#asked.clear();
  }

  /** The socket is open: only now nothing that arrives is missed. */
  online(yes) {
    this.#online = yes;
    if (yes) for (const one of this.#asked.values()) if (!one.done) this.#send(one);
  }

  request(set, layer) {
    this.#ask(nameOf(set, layer), { set, layer, begin: (id) => api.thumbnails(id, set, layer) });
  }

  /** A look with other seeds, in the place of those before. */
  requestSeeds(look, seeds) {
    for (const [name, { set }] of this.#asked) if (set === "seeds") this.#asked.delete(name);
    this.#ask(`seeds ${seeds}`, { set: "seeds", begin: (id) => api.variations(id, look, seeds) });
  }

  #ask(name, { set, layer, begin }) {
    if (this.#asked.has(name)) return;
    const one = { set, layer, begin, job: null, done: false };
    this.#asked.set(name, one);
    this.#await(set, layer);
    if (this.#online) this.#send(one);
  }

  /** The set to which a look belongs, if it has a thumbnail. */
  requestFor(look) {
    if (look.filter) this.request("filters");
    else if (look.layer && !look.reference) {
      if (look.channel === undefined) this.request("layers");
      else this.request("channels", look.layer);
    }
  }

  finished(set, layer) {
    return this.#asked.get(nameOf(set, layer))?.done ?? false;
  }

  /** Names or numbers of a set that there are thumbnails of, as they arrived. */
  names(set, layer) {
    const start = startOf(set, layer);
    return [...this.#made].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
  }

  arrived(key) {
    this.#made.add(key);
    for (const image of this.#images.get(key) ?? []) this.#show(image, key);
    this.dispatchEvent(new Event("arrived"));
  }

  /** A job of kind "thumbnails" has told how far it is. */
  job(job) {
    for (const one of this.#asked.values()) if (one.job === job.id) this.#ended(one, job);
  }

  /** A frame that shimmers until its picture is there, if it was asked for. */
  frame(key) {
    const image = el("img", { alt: "", draggable: "false", decoding: "async" });
    const asked = [...this.#asked.values()].some(({ set, layer }) => key.startsWith(startOf(set, layer)));
    const frame = el("span", { class: `thumb ${asked ? "waiting" : "missing"}` }, image);
    image.addEventListener("load", () => frame.classList.remove("waiting", "missing"));
    image.addEventListener("error", () => frame.classList.replace("waiting", "missing"));
    if (!this.#images.has(key)) this.#images.set(key, new Set());
    this.#images.get(key).add(image);
    if (this.#made.has(key)) this.#show(image, key);
    return frame;
  }

  #await(set, layer) {
    for (const [key, images] of this.#images) {
      if (!key.startsWith(startOf(set, layer)) || this.#made.has(key)) continue;
      for (const image of images) image.parentElement.classList.replace("missing", "waiting");
    }
  }

  async #send(one) {
    const id = this.#id;
    try {
      const job = await one.begin(id);
      if (id !== this.#id) return;
      one.job = job.id;
      this.#ended(one, job);
    } catch (error) {
      complain(error);
    }
  }

  #ended(one, job) {
    if (one.done || job.state === "waiting" || job.state === "running") return;
    one.done = job.state === "done";
    // Those made on an earlier visit may not be told one by one.
    if (one.done) for (const key of job.result?.keys ?? this.#keys(one)) if (!this.#made.has(key)) this.arrived(key);
    this.#giveUp(one);
    this.dispatchEvent(new Event("arrived"));
  }

  /** Of a set that is done, nothing more will come. */
  #giveUp({ set, layer }) {
    for (const [key, images] of this.#images) {
      if (!key.startsWith(startOf(set, layer)) || this.#made.has(key)) continue;
      for (const image of images) image.parentElement.classList.replace("waiting", "missing");
    }
  }

  #keys({ set }) {
    const { presets, filters } = this.#looks;
    return { presets: named(presets, "preset"), filters: named(filters, "filter") }[set] ?? [];
  }

  #show(image, key) {
    if (!image.src) image.src = urls.look(this.#id, key);
  }
}
