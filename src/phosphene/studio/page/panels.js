// The side panel: its tabs, whom a look is for, and the strength of the whole picture's look.

import { byId, debounced, el, icon } from "./dom.js";
import { dreamPanel } from "./dream.js";
import { guidePanel } from "./guide.js";
import { PHOTOGRAPH, USUAL, aboutLook, lookOf, nameOf } from "./looks.js";
import { radios } from "./radios.js";
import { aimAt, choose, chosen, setGround, thumbs } from "./session.js";
import { byFactors, even, slider } from "./slider.js";
import { store } from "./store.js";
import { strokesPanel } from "./strokes.js";
import { stylePanel } from "./style.js";

const TABS = {
  dream: {
    name: "Dream",
    title: "What the network brings out of the picture by itself",
    make: dreamPanel,
    kind: "dream",
  },
  style: { name: "Style", title: "Painted anew, in the manner of another picture", make: stylePanel, kind: "style" },
  guide: { name: "Guide", title: "Dreams towards the shapes of a picture of yours", make: guidePanel, kind: "dream" },
  strokes: { name: "Strokes", title: "What was painted: show, hide, fade, move or remove it", make: strokesPanel },
};
const order = Object.keys(TABS);

export function startPanels() {
  byId("tabs").append(...order.map(tabButton));
  byId("tab-panels").append(...order.map(tabPanel));
  targetSwitch();
  store.watch(["tab"], showTab);
  store.watch(["tab"], () => (document.body.dataset.tab = store.get("tab")));
  store.watch(["target"], () => (document.body.dataset.target = store.get("target")));
}

function tabButton(tab) {
  const attributes = {
    type: "button",
    role: "tab",
    id: `tab-${tab}`,
    "aria-controls": `panel-${tab}`,
    title: TABS[tab].title,
  };
  return el("button", { ...attributes, onclick: () => store.set({ tab }), onkeydown: walk }, TABS[tab].name);
}

function walk(event) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const tab = order[(order.indexOf(store.get("tab")) + by + order.length) % order.length];
  store.set({ tab });
  byId(`tab-${tab}`).focus();
}

function tabPanel(tab) {
  const { make, kind } = TABS[tab];
  const content = el("div", { class: "tab-content" });
  make(content);
  const attributes = {
    role: "tabpanel",
    id: `panel-${tab}`,
    "aria-labelledby": `tab-${tab}`,
    class: "tab-panel",
    hidden: true,
  };
  return el("div", attributes, content, kind ? footer(tab, kind) : null);
}

function showTab() {
  for (const tab of order) {
    const now = tab === store.get("tab");
    byId(`tab-${tab}`).setAttribute("aria-selected", now);
    byId(`tab-${tab}`).tabIndex = now ? 0 : -1;
    byId(`panel-${tab}`).hidden = !now;
  }
}

function targetSwitch() {
  const choices = [
    { value: "ground", name: "Whole picture", icon: "whole", title: "A chosen look spreads over the whole picture" },
    { value: "brush", name: "Brush", icon: "brush", title: "A chosen look is for painting with the brush" },
  ];
  const made = radios("target", "A chosen look is for", choices, store.get("target"), aimAt);
  byId("target").replaceWith(made, fillButton());
  store.watch(["target"], () => {
    for (const input of made.querySelectorAll("input")) input.checked = input.value === store.get("target");
  });
}

/** What the brush paints, over the whole picture at once. */
function fillButton() {
  const words = el("span");
  const look = () => (store.get("tool") === "eraser" ? PHOTOGRAPH : store.get("brushLook"));
  const attributes = { type: "button", class: "soft wide", id: "fill", onclick: () => setGround(look()) };
  const button = el("button", attributes, icon("whole"), words);
  store.watch(["target", "tool", "brushLook", "picture"], () => {
    button.hidden = store.get("target") !== "brush";
    words.textContent = `Fill the whole picture: ${nameOf(look(), store.get("picture"))}`;
  });
  return button;
}

const COLOURS = [
  { value: "", name: "Natural", title: "Near the photograph's colours: skin stays skin, black and white stays so" },
  { value: "keep", name: "Keep", title: "The photograph's colours alone" },
  { value: "tint", name: "Tint", title: "A hint of the network's colours" },
  { value: "free", name: "Free", title: "The network's own colours" },
];

/** How freely hues wander, of the whole picture's dream or of the brush's. */
function colours(tab) {
  const turn = (value) => {
    choose({ ...chosen(), colour: value || null });
  };
  const made = radios(`colours-${tab}`, "Colours", COLOURS, "", turn);
  const element = el("div", { class: "colours" }, el("span", { class: "slider-name" }, "Colours"), made);
  store.watch(["picture", "target", "brushLook", "tool"], () => {
    const look = store.get("picture") && chosen();
    element.hidden = look?.kind !== "dream";
    for (const input of made.querySelectorAll("input")) input.checked = input.value === (look?.colour ?? "");
  });
  return element;
}

const SCALES = { dream: byFactors(0.2, 5), style: even(0.1, 1) };
const DEEPER = {
  dream: "How far the dream goes: the size of a step of the gradient ascent",
  style: "How far the picture turns into the other's manner",
};

/** Below the looks: the strength of the whole picture's, and the colours. */
const footer = (tab, kind) =>
  el("div", { class: "panel-foot" }, groundStrength(kind), kind === "dream" ? forms() : null, kind === "dream" ? colours(tab) : null, dice(kind));

/** How large the forms are, of the whole picture's dream or of the brush's. */
function forms() {
  const turn = debounced((scale) => choose({ ...chosen(), scale: scale === 1 ? null : scale }), 180);
  const size = slider({
    name: "Size of forms",
    label: "Size of the dream's forms",
    title: "How large beasts and ornaments are; 1 is usual",
    usual: 1,
    scale: byFactors(0.5, 3),
    show: (value) => `${value.toFixed(1)}×`,
    onchange: turn,
  });
  store.watch(["picture", "target", "brushLook", "tool"], () => {
    const look = store.get("picture") && chosen();
    size.hidden = look?.kind !== "dream";
    if (!size.hidden && !size.contains(document.activeElement)) size.value = look.scale ?? 1;
  });
  return size;
}

/** The same look from other seeds: other shapes in the same manner. Undo brings the one before back. */
function dice(kind) {
  const roll = () => choose({ ...chosen(), seed: seed() });
  const title = "Other shapes in the same look (Undo brings these back)";
  const four = el("ul", { class: "grid four", role: "list", "aria-label": "Others of this look", hidden: true });
  const one = el("button", { type: "button", class: "soft dice", title, onclick: roll }, icon("dice"), "Another one");
  const show = () => showFour(four, chosen());
  const more = el("button", { type: "button", class: "soft", title: "Four others, small, to choose from", onclick: show }, "Show four");
  const element = el("div", { class: "dice-row" }, one, more, four);
  let shown = "";
  store.watch(["picture", "target", "brushLook", "tool"], () => {
    const look = store.get("picture") && chosen();
    element.hidden = look?.kind !== kind;
    const now = JSON.stringify([store.get("picture")?.id, look && { ...look, seed: null }]);
    if (now !== shown) four.hidden = true;
    shown = now;
  });
  return element;
}

const seed = () => Math.floor(Math.random() * 2 ** 31);

function showFour(list, look) {
  const seeds = Array.from({ length: 4 }, seed);
  thumbs.requestSeeds(look, seeds);
  const tiles = seeds.map((each, index) => {
    const take = () => choose({ ...look, seed: each });
    const name = `Another one, ${index + 1} of 4`;
    return el("li", {}, el("button", { type: "button", class: "tile", "aria-label": name, onclick: take }, thumbs.frame(`seed-${each}`)));
  });
  list.replaceChildren(...tiles);
  list.hidden = false;
}

function groundStrength(kind) {
  const set = debounced((value) => setGround(lookOf(store.get("picture").ground), value), 180);
  const strength = slider({
    name: "Strength",
    label: `Strength of the ${kind}`,
    title: DEEPER[kind],
    usual: USUAL[kind],
    scale: SCALES[kind],
    show: (value) => value.toFixed(2),
    onchange: set,
  });
  const about = el("p", { class: "about" });
  store.watch(["picture"], () => {
    const picture = store.get("picture");
    if (!picture) return;
    const mine = picture.ground?.kind === kind;
    strength.hidden = !mine;
    if (mine && !strength.contains(document.activeElement)) strength.value = picture.ground.strength;
    about.textContent = aboutLook(picture.ground, store.get("looks"), picture);
  });
  return el("div", { class: "ground-strength" }, about, strength);
}
