// The sheet of all looks: presets, layers and their channels, styles and guides.

import { makeDialog } from "./dialogs.js";
import { el, icon } from "./dom.js";
import * as L from "./looks.js";
import { radios } from "./radios.js";
import { setBrushLook, setGround, thumbs } from "./session.js";
import { store } from "./store.js";
import { grid, mark, tile } from "./tiles.js";

const TITLES = { brush: "What the brush paints", ground: "What the whole picture becomes" };
const PAGES = { all: "All", yours: "Yours", presets: "Dreams", layers: "Layers", filters: "Styles", guides: "Guides" };
const MOST_AWAITED = 15;
let sheet = null;
let target = "brush";
let page = "all";
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
  thumbs.addEventListener("arrived", () => made.dialog.open && addArrived());
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
  const { presets, filters, yours } = store.get("looks");
  const picture = store.get("picture");
  for (const set of { all: ["presets", "filters"], yours: [], guides: [] }[page] ?? [page]) thumbs.request(set);
  if (page === "layers") return layer ? drawChannels() : drawLayers();
  const tiles = {
    all: () => [...yours.map(yourTile), ...[...presets.map(({ name }) => L.preset(name)), ...filters.map(({ name }) => L.filter(name))].map((look) => tileOf(look))],
    yours: () => yours.map(yourTile),
    presets: () => presets.map(({ name }) => tileOf(L.preset(name))),
    filters: () => filters.map(({ name }) => tileOf(L.filter(name))),
    guides: () => picture.references.flatMap(({ id }) => [tileOf(L.guide(id)), tileOf(L.style(id))]),
  }[page]();
  const list = grid(PAGES[page], ...tiles);
  return fill(INTROS[page], page === "all" ? search(list) : null, list, tiles.length ? null : NONE[page]);
}

/** Leaves the looks whose name or description has all of the words that are typed. */
function search(list) {
  const attributes = { type: "search", placeholder: "Search: fur, stone, ink…", "aria-label": "Search the looks", class: "search" };
  const input = el("input", attributes);
  const none = el("p", { class: "quiet", role: "status" });
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const item of list.children) {
      const said = `${item.textContent} ${item.querySelector("button").title}`.toLowerCase();
      item.hidden = !words.every((word) => said.includes(word));
    }
    const found = [...list.children].filter((item) => !item.hidden).length;
    none.textContent = found ? "" : "No look is called so. Layers and channels have many more.";
  });
  return el("div", {}, input, none);
}

const INTROS = {
  all: "Dreams and styles, on your picture.",
  presets: "Looks that were tuned by hand.",
  layers: "What each layer of the network sees, from lines in the shallow ones to creatures in the deep ones.",
  filters: "The place is painted anew in the manner of another picture.",
  yours: "Looks that you keep, by their layer, channel and colours.",
  guides: "Pictures that you brought: their shapes as a dream, or their manner as a style.",
};
const NONE = {
  yours: "There are none yet. Drop a look's file (.toml) onto the page, or keep one with: phosphene looks import picture.png",
  guides: "There are none yet. Bring one in the tab Guide or Style, or take one that comes along.",
};

function fill(intro, ...content) {
  sheet.body.replaceChildren(el("p", { class: "quiet" }, intro), ...content.filter(Boolean));
  mark(sheet.body, current());
  sheet.body.scrollTop = 0;
}

function current() {
  return target === "brush" ? store.get("brushLook") : L.lookOf(store.get("picture").ground);
}

const tileOf = (look, options) => tile(look, store.get("picture"), take, options);

function yourTile({ name, about, ground }) {
  const look = L.lookOf(ground);
  thumbs.requestFor(look);
  return tileOf(look, { name, about });
}

const enter = (name) => {
  layer = name;
  drawPage();
};

function drawLayers() {
  fill(INTROS.layers, growing("layers", "Layers"), anyLayer());
  addArrived();
}

function layerTile(name) {
  const { shows, channels } = store.get("looks").layers.find((one) => one.name === name);
  const label = `Channels of ${name}`;
  const attributes = {
    type: "button",
    class: "tile-more",
    "aria-label": label,
    title: `${label}: its ${channels} single patterns`,
  };
  const more = el("button", { ...attributes, onclick: () => enter(name) }, `${channels} channels`, icon("chevron"));
  return tileOf(L.layer(name), {
    about: `All patterns of ${name}${shows ? `: ${shows}` : ""}`,
    sub: shows,
    extra: more,
  });
}

/** The network's inner layers are too many for pictures; who knows their names finds them here. */
function anyLayer() {
  const options = store.get("looks").layers.map(({ name }) => el("option", { value: name }, name));
  const select = el("select", { "aria-label": "Any layer" }, ...options);
  const use = el(
    "button",
    { type: "button", class: "soft", onclick: () => take(L.layer(select.value)) },
    "Use this layer",
  );
  const inside = el("button", { type: "button", class: "soft", onclick: () => enter(select.value) }, "Its channels");
  return el(
    "div",
    { class: "row any" },
    el("span", { class: "quiet" }, "Or any layer of the network"),
    select,
    use,
    inside,
  );
}

function drawChannels() {
  thumbs.request("channels", layer);
  const back = el(
    "button",
    { type: "button", class: "soft", onclick: () => enter(null) },
    icon("back"),
    "All layers",
  );
  const all = growing("channels", `Channels of ${layer}`, tileOf(L.layer(layer), { name: `all of ${layer}` }));
  const row = el("div", { class: "row" }, back, byNumber());
  fill("Single patterns of this layer (channels), those first that are most active in this picture.", row, all);
  addArrived();
}

function growing(set, label, ...first) {
  const list = grid(label, ...first);
  list.id = "arriving";
  list.dataset.first = first.length;
  list.dataset.set = set;
  return list;
}

/** Adds what has arrived; what is there already stays, and so does the focus. */
function addArrived() {
  const list = sheet.body.querySelector("#arriving");
  if (!list) return;
  for (const ghost of list.querySelectorAll(".ghosted")) ghost.remove();
  const { set } = list.dataset;
  const there = list.children.length - list.dataset.first;
  const names = thumbs.names(set, layer);
  const make =
    set === "layers"
      ? layerTile
      : (number) => tileOf(L.channel(layer, Number(number)), { name: `channel ${number}` });
  list.append(...names.slice(there).map(make));
  const missing = thumbs.finished(set, layer) ? 0 : MOST_AWAITED - names.length;
  list.append(...awaited(Math.max(0, missing)));
  mark(list, current());
}

const ghost = () =>
  el(
    "li",
    { class: "tile ghosted", "aria-hidden": "true" },
    el("span", { class: "thumb waiting" }),
    el("span", { class: "tile-name" }, "\u00a0"),
  );
const awaited = (count) => Array.from({ length: count }, ghost);

/** For those who know the channel's number. */
function byNumber() {
  const count = store.get("looks").layers.find(({ name }) => name === layer)?.channels ?? 1;
  const input = el("input", {
    type: "number",
    min: 0,
    max: count - 1,
    "aria-label": "Channel number",
    placeholder: `0 to ${count - 1}`,
  });
  const go = () => input.value !== "" && input.checkValidity() && take(L.channel(layer, Number(input.value)));
  input.addEventListener("keydown", (event) => event.key === "Enter" && go());
  return el(
    "span",
    { class: "row" },
    input,
    el("button", { type: "button", class: "soft", onclick: go }, "Use this channel"),
  );
}

function take(wish) {
  const look = L.inMannerOf(current(), wish);
  if (target === "brush") setBrushLook(look);
  else setGround(look);
  sheet.close();
}
