// The brush in the hand: brush or eraser, what it paints, how large, how soft, how strong.

import { byId, clamp, el, icon } from "./dom.js";
import { belongs, lookFrame } from "./frames.js";
import { nameOf, sameLook } from "./looks.js";
import { openPicker } from "./picker.js";
import { radios } from "./radios.js";
import { tryRing } from "./ring.js";
import { setBrushLook, thumbs } from "./session.js";
import { byFactors, even, slider } from "./slider.js";
import { store } from "./store.js";

const SIZE = [4, 600];
const CREATURE = 60; // pixels of the view: a smaller brush has no room for one
const sliders = {};
const tools = {};
let chip;
let recents;

export function startBrushbar() {
  byId("brushbar").append(
    toolSwitch(),
    lookChip(),
    (recents = el("div", { class: "recents", role: "group", "aria-label": "Recently used looks" })),
    optionsButton(),
    sliderRow(),
  );
  byId("brush-options").append(...options());
  store.watch(["picture", "painted", "tool"], () => {
    const picture = store.get("picture");
    byId("paint-hint").hidden = !picture || picture.growing || store.get("painted") || store.get("tool") !== "brush";
  });
  store.watch(["tool"], showTool);
  store.watch(["brush"], showBrush);
  store.watch(["brush", "brushLook", "recent", "picture"], showLooks);
}

function toolSwitch() {
  const make = (tool, name, key) => {
    const choose = () => store.set({ tool });
    tools[tool] = el(
      "button",
      { type: "button", class: "tool", "aria-label": name, title: `${name} (${key})`, onclick: choose },
      icon(tool),
    );
    return tools[tool];
  };
  return el(
    "div",
    { class: "tools", role: "group", "aria-label": "Tool" },
    make("brush", "Brush", "B"),
    make("eraser", "Eraser: brings the photograph back", "E"),
    make("select", "Select: click on a region, or draw round a place", "S"),
  );
}

function optionsButton() {
  const attributes = { "aria-label": "Brush options", title: "Mirror, pen pressure", popovertarget: "brush-options" };
  const button = el("button", { type: "button", class: "icon-button", ...attributes }, icon("more"));
  byId("brush-options").addEventListener("beforetoggle", ({ target }) => {
    const { left, top } = button.getBoundingClientRect();
    target.style.inset = `auto auto ${innerHeight - top + 8}px ${Math.max(8, Math.min(left - 100, innerWidth - 240))}px`;
  });
  return button;
}

/** What is seldom changed. */
function options() {
  const input = el("input", { type: "checkbox", onchange: () => store.set({ mirrored: input.checked }) });
  const mirror = el("label", { class: "row check", title: "Each stroke is painted on the left and on the right" }, input, el("span", {}, "Mirror left and right"));
  const turn = (pressure) => store.set({ brush: { ...store.get("brush"), pressure } });
  const pressures = [{ value: "size", name: "Size" }, { value: "strength", name: "Strength" }];
  const pen = radios("pressure", "A pen's pressure changes", pressures, store.get("brush").pressure, turn);
  store.watch(["brush", "mirrored"], () => {
    input.checked = store.get("mirrored");
    for (const each of pen.querySelectorAll("input")) each.checked = each.value === store.get("brush").pressure;
  });
  return [mirror, el("span", { class: "slider-name" }, "A pen's pressure changes"), pen];
}

function lookChip() {
  const open = () => openPicker("brush");
  chip = el("button", {
    type: "button",
    class: "chip",
    id: "brush-look",
    title: "What the brush paints (L)",
    "aria-haspopup": "dialog",
    onclick: open,
  });
  return chip;
}

function sliderRow() {
  const turn = (part) => (value) => {
    store.set({ brush: { ...store.get("brush"), [part]: value } });
    tryRing();
  };
  const percent = (value) => `${Math.round(value * 100)} %`;
  sliders.size = slider({
    name: "Size",
    label: "Brush size",
    title: "Diameter in pixels of the view ([ and ])",
    scale: byFactors(...SIZE),
    show: (value) => `${Math.round(value)}`,
    usual: 140,
    oninput: turn("size"),
  });
  sliders.softness = slider({
    name: "Softness",
    label: "Brush softness",
    title: "How gently the edge fades ({ and })",
    scale: even(0, 1),
    show: percent,
    usual: 0.6,
    oninput: turn("softness"),
  });
  sliders.strength = slider({
    name: "Strength",
    label: "Brush strength",
    title: "How quickly the brush works (, and .)",
    scale: byFactors(0.1, 3),
    show: (value) => value.toFixed(2),
    usual: 1,
    oninput: turn("strength"),
  });
  return el("div", { class: "brush-sliders" }, ...Object.values(sliders));
}

function showTool() {
  const now = store.get("tool");
  for (const [tool, button] of Object.entries(tools)) button.setAttribute("aria-pressed", tool === now);
  byId("brushbar").dataset.tool = now;
}

function showBrush() {
  for (const [part, element] of Object.entries(sliders)) element.value = store.get("brush")[part];
}

let shown = "";

/** Rebuilds the looks only if they changed: a state comes with every stroke. */
function showLooks() {
  const picture = store.get("picture");
  if (!picture) return;
  const look = store.get("brushLook");
  const small = look.kind === "dream" && store.get("brush").size < CREATURE;
  const now = JSON.stringify([picture.id, look, store.get("recent"), picture.references, small]);
  if (now === shown) return;
  shown = now;
  const name = nameOf(look, picture);
  chip.replaceChildren(
    lookFrame(look, picture),
    el("span", { class: "chip-text" }, el("span", { class: "chip-label" }, small ? "Small: textures of" : "Brush paints"), el("strong", {}, name)),
    icon("chevron"),
  );
  chip.setAttribute("aria-label", `The brush paints ${name}: choose another look`);
  const others = store
    .get("recent")
    .filter((other) => !sameLook(other, look) && belongs(other, picture))
    .slice(0, 4);
  for (const each of [look, ...others]) thumbs.requestFor(each);
  recents.replaceChildren(...others.map((other) => recentButton(other, picture)));
}

function recentButton(look, picture) {
  const name = nameOf(look, picture);
  const attributes = {
    type: "button",
    class: "recent",
    "aria-label": `Brush: ${name}`,
    title: name,
    onclick: () => setBrushLook(look),
  };
  return el("button", attributes, lookFrame(look, picture));
}

/** One step of the keys: by equal factors for size and strength, evenly for softness. */
export function nudge(part, direction) {
  const brush = store.get("brush");
  const next = {
    size: clamp(brush.size * 1.12 ** direction, ...SIZE),
    softness: clamp(brush.softness + 0.05 * direction, 0, 1),
    strength: clamp(brush.strength * 1.12 ** direction, 0.1, 3),
  }[part];
  store.set({ brush: { ...brush, [part]: next } });
  tryRing();
}
