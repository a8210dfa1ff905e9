// The tab of guides: a picture whose shapes are dreamt, and which layers suit it.

import { api, urls } from "./api.js";
import { announce, el, icon } from "./dom.js";
import * as L from "./looks.js";
import { bring, bringer } from "./references.js";
import { choose, chosen, takeJob } from "./session.js";
import { store } from "./store.js";
import { grid, mark, tile } from "./tiles.js";
import { tried } from "./toasts.js";

let current = null; // the reference whose layers are listed
const rankings = new Map(); // by reference: {job} while it runs, then {layers, best}
let redraw = () => {};

export async function bringGuide(file) {
  const id = await bring(file);
  if (!id) return;
  current = id;
  choose(L.guide(id));
}

/** Brings a guide that comes with the program. */
async function bringSample(name) {
  const blob = await tried(() => api.blob(urls.guide(name)));
  if (blob) await bringGuide(new File([blob], name, { type: blob.type }));
}

export function guidePanel(root) {
  const intro = el(
    "p",
    { class: "quiet intro" },
    "Bring a picture, and the dream takes on its shapes: petals, feathers, windows.",
  );
  const own = el("div");
  const layers = el("div", { class: "ranking" });
  const samples = el("div", { class: "samples" });
  root.append(
    bringer("guide", "Dream towards another picture", "Drop a guide picture here, or choose one", bringGuide),
    intro,
    own,
    layers,
    samples,
  );
  let shown = "";
  redraw = () => {
    const picture = store.get("picture");
    if (!picture) return;
    hearRanking();
    follow(picture);
    const now = JSON.stringify([picture.id, picture.references.map(({ id }) => id), current, rankings.get(current)]);
    if (now !== shown) fill(own, layers, picture);
    shown = now;
    fillSamples(samples, picture);
    intro.hidden = picture.references.length > 0;
    markBoth(own, layers);
  };
  store.watch(["picture", "jobs", "target", "brushLook", "tool"], redraw);
}

/** The guide that is in use is the one whose layers are shown. */
function follow(picture) {
  const look = chosen();
  const known = (id) => picture.references.some((one) => one.id === id);
  if (!current && look?.kind === "dream" && look.reference) current = look.reference;
  if (!known(current)) current = look?.kind === "dream" && known(look.reference) ? look.reference : null;
}

function markBoth(own, layers) {
  const look = chosen();
  mark(layers, look);
  const guided = look?.kind === "dream" && look.reference;
  mark(own, guided ? L.guide(look.reference) : look);
}

function fill(own, layers, picture) {
  const take = (look) => {
    current = look.reference;
    choose(look);
    redraw();
  };
  const tiles = picture.references.map(({ id, name }) => tile(L.guide(id), picture, take, { name }));
  own.replaceChildren(...(tiles.length ? [grid("Your guide pictures", ...tiles)] : []));
  layers.replaceChildren(...(current ? ranking() : []));
}

/** The guides that come with the program, but those that were taken already. */
function fillSamples(root, picture) {
  const { canvases, guides } = store.get("looks");
  const left = canvases.filter(({ name }) => guides.includes(name) && !picture.references.some((one) => one.name === name));
  const now = left.map(({ name }) => name).join();
  if (root.dataset.shown === now) return;
  root.dataset.shown = now;
  const sample = ({ name, about }) => {
    const attributes = { type: "button", class: "tile", title: `Guide the dream by ${about}`, onclick: () => bringSample(name) };
    const image = el("img", { src: urls.guide(name), alt: "", draggable: "false", loading: "lazy" });
    return el("li", {}, el("button", attributes, el("span", { class: "thumb" }, image), el("span", { class: "tile-name" }, name)));
  };
  root.replaceChildren(...(left.length ? [el("h2", { class: "label" }, "Guides to try"), grid("Guides to try", ...left.map(sample))] : []));
}

function ranking() {
  const known = rankings.get(current);
  const best = known?.best ?? [];
  const first = row(
    L.guide(current),
    "Automatic",
    best.length ? best.join(", ") : "the best layers",
    null,
    true,
  );
  const heading = el("h2", { class: "label" }, "Kind of shapes");
  if (known?.layers)
    return [
      heading,
      el("ul", { class: "rows", role: "list", "aria-label": "Layers, best first" }, first, ...rankedRows(known)),
    ];
  return [
    heading,
    el("ul", { class: "rows", role: "list", "aria-label": "Layers" }, first),
    known ? waiting(known) : rankButton(),
  ];
}

function rankedRows({ layers, best }) {
  const most = Math.max(...layers.map(({ score }) => score), 1e-9);
  return layers.map(({ layer, score, shows }) =>
    row(L.guide(current, layer), layer, shows, { score, part: score / most }, best.includes(layer)),
  );
}

function row(look, name, shows, measured, best) {
  const attributes = { type: "button", class: "row-look", "aria-pressed": "false", onclick: () => choose(look) };
  const label = [
    name,
    shows,
    measured && `suits it ${measured.score.toFixed(2)}`,
    best && measured && "chosen by the program",
  ];
  const title = measured
    ? "How well the layer's activations tell the guide's shapes apart, measured on both pictures"
    : null;
  const button = el(
    "button",
    { ...attributes, "aria-label": label.filter(Boolean).join(", "), title },
    el(
      "span",
      { class: "row-head" },
      el("span", { class: "row-name" }, name, best ? icon("star") : null),
      el("span", { class: "row-shows" }, shows ?? ""),
    ),
    measured ? el("span", { class: "bar-track" }, el("span", { class: "bar-fill" })) : null,
    measured ? el("span", { class: "tabular row-score" }, measured.score.toFixed(2)) : null,
  );
  button.querySelector(".bar-fill")?.style.setProperty("--at", Math.max(0, measured.part));
  button.look = look;
  return el("li", {}, button);
}

function rankButton() {
  const title = "Compares the activations of all layers between the guide and your picture";
  return el(
    "button",
    { type: "button", class: "soft wide", title, onclick: () => rank(current) },
    icon("layers"),
    "Rank layers",
  );
}

const waiting = ({ done }) =>
  el(
    "div",
    { class: "ranking-wait" },
    el("span", {}, "Comparing the layers…"),
    el("progress", { max: 1, value: done, "aria-label": "Comparing the layers" }),
  );

async function rank(reference) {
  rankings.set(reference, { job: null, done: 0 });
  redraw();
  const job = await tried(() => api.rank(store.get("picture").id, reference));
  if (!job) rankings.delete(reference);
  else {
    rankings.set(reference, { job: job.id, done: job.done });
    takeJob(job);
  }
  redraw();
}

function hearRanking() {
  for (const [reference, known] of rankings) {
    const job = known.job && store.get("jobs").get(known.job);
    if (!job) continue;
    if (job.state === "done") {
      rankings.set(reference, job.result);
      announce("The layers are ranked");
    } else if (job.state === "failed" || job.state === "cancelled") rankings.delete(reference);
    else rankings.set(reference, { job: job.id, done: job.done });
  }
}
