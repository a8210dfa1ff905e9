// The sheet of all looks: presets, layers and their channels, styles and guides.

import { makeDialog } from "./dialogs.js";
import { el, icon } from "./dom.js";
import * as L from "./looks.js";
import { setBrushLook, setGround, thumbs } from "./session.js";
import { radios } from "./radios.js";
import { store } from "./store.js";
import { grid, mark, tile } from "./tiles.js";

const TITLES = { brush: "What the brush paints", ground: "What the whole picture becomes" };
const PAGES = { presets: "Dreams", layers: "Layers", filters: "Styles", guides: "Guides" };
const MOST_CHANNELS_AWAITED = 12;
let sheet = null;
let target = "brush";
let page = "presets";
let layer = null; // whose channels are shown

export function openPicker(forWhat, at = null) {
  sheet ??= make();
  target = forWhat;
  if (at) page = at;
  layer = null;
  sheet.heading.textContent = TITLES[target];
  draw();
  sheet.open();
}

function make() {
  const made = makeDialog("picker", TITLES.brush, "picker");
  thumbs.addEventListener("arrived", () => made.dialog.open && layer && addChannels());
  return made;
}

function draw() {
  const names = Object.entries(PAGES).map(([value, name]) => ({ value, name }));
  const turn = (value) => {
    [page, layer] = [value, null];
    drawPage();
  };
  const switcher = radios("picker-page", "Kinds of looks", names, page, turn);
  sheet.head.querySelector(".segments")?.remove();
  sheet.heading.after(switcher);
  drawPage();
}

function drawPage() {
  const { presets, filters, layers } = store.get("looks");
  const picture = store.get("picture");
  if (page !== "guides") thumbs.request(page);
  if (layer) return drawChannels();
  const tiles = {
    presets: () => presets.map(({ name }) => tileOf(L.preset(name))),
    filters: () => filters.map(({ name }) => tileOf(L.filter(name))),
    layers: () => layers.map(layerTile),
    guides: () => picture.references.flatMap(({ id }) => [tileOf(L.guide(id)), tileOf(L.style(id))]),
  }[page]();
  return fill(INTROS[page], grid(PAGES[page], ...tiles), page === "guides" && !tiles.length ? NO_GUIDES : null);
}

const INTROS = {
  presets: "Looks that were tuned by hand.",
  layers: "What each layer of the network sees, from lines in the shallow ones to creatures in the deep ones.",
  filters: "The place is painted anew in the manner of another picture.",
  guides: "Pictures that you brought: their shapes as a dream, or their manner as a style.",
};
const NO_GUIDES = "There are none yet. Bring one in the tab Guide or Style.";

function fill(intro, ...content) {
  sheet.body.replaceChildren(el("p", { class: "quiet" }, intro), ...content.filter(Boolean));
  mark(sheet.body, current());
  sheet.body.scrollTop = 0;
}

function current() {
  return target === "brush" ? store.get("brushLook") : L.lookOf(store.get("picture").ground);
}

const tileOf = (look, options) => tile(look, store.get("picture"), take, options);

function layerTile({ name, shows, channels }) {
  const enter = () => {
    layer = name;
    drawPage();
  };
  const label = `Channels of ${name}`;
  const more = el("button", { type: "button", class: "tile-more", "aria-label": label, title: `${label}: its ${channels} single patterns`, onclick: enter }, `${channels} channels`, icon("chevron"));
  return tileOf(L.layer(name), { about: `All patterns of ${name}: ${shows}`, sub: shows, extra: more });
}

function drawChannels() {
  thumbs.request("channels", layer);
  const back = el("button", { type: "button", class: "soft", onclick: () => ((layer = null), drawPage()) }, icon("back"), "All layers");
  const all = grid(`Channels of ${layer}`, tileOf(L.layer(layer), { name: `all of ${layer}` }));
  all.id = "channels";
  const row = el("div", { class: "row" }, back, byNumber());
  fill("Single patterns of this layer (channels), those first that are most alive in this picture.", row, all);
  addChannels();
}

/** Adds what has arrived; what is there already stays, and so does the focus. */
function addChannels() {
  const list = sheet.body.querySelector("#channels");
  if (!list) return;
  for (const ghost of list.querySelectorAll(".ghosted")) ghost.remove();
  const numbers = thumbs.channels(layer);
  const there = list.children.length - 1; // the first is the whole layer
  list.append(...numbers.slice(there).map((number) => tileOf(L.channel(layer, number), { name: `channel ${number}` })));
  const missing = thumbs.finished("channels", layer) ? 0 : MOST_CHANNELS_AWAITED - numbers.length;
  list.append(...awaited(Math.max(0, missing)));
  mark(list, current());
}

const ghost = () => el("li", { class: "tile ghosted", "aria-hidden": "true" }, el("span", { class: "thumb waiting" }), el("span", { class: "tile-name" }, "\u00a0"));
const awaited = (count) => Array.from({ length: count }, ghost);

/** For those who know the channel's number. */
function byNumber() {
  const count = store.get("looks").layers.find(({ name }) => name === layer)?.channels ?? 1;
  const input = el("input", { type: "number", min: 0, max: count - 1, "aria-label": "Channel number", placeholder: `0 to ${count - 1}` });
  const go = () => input.value !== "" && input.checkValidity() && take(L.channel(layer, Number(input.value)));
  input.addEventListener("keydown", (event) => event.key === "Enter" && go());
  return el("span", { class: "row" }, input, el("button", { type: "button", class: "soft", onclick: go }, "Use this channel"));
}

function take(look) {
  if (target === "brush") setBrushLook(look);
  else setGround(look);
  sheet.close();
}

