// The tab of strokes: what was painted, newest first, to be shown or hidden, faded, moved or removed.

import { api } from "./api.js";
import { announce, debounced, el, icon } from "./dom.js";
import { lookFrame } from "./frames.js";
import { nameOf } from "./looks.js";
import { adjusted } from "./session.js";
import { even, slider } from "./slider.js";
import { store } from "./store.js";
import { tried } from "./toasts.js";

const BLENDS = [
  ["normal", "Light and colour"],
  ["luminosity", "Light alone"],
  ["colour", "Colour alone"],
];
const PAUSE = 120;
let open = null; // the number of the stroke whose settings are shown

export function strokesPanel(root) {
  const whole = fader("all", "Dream over photograph", "How far everything painted covers the photograph", "opacity");
  const ground = fader("ground", "Whole picture's look", "How far it covers the photograph", "ground_opacity");
  const list = el("ul", { class: "strokes", role: "list", "aria-label": "Strokes, newest first" });
  const none = el("p", { class: "quiet" }, "No strokes yet. Hold the brush on the picture and drag.");
  root.append(whole, list, none, ground);
  let [shown, drawn] = ["", null];
  const show = () => {
    const picture = store.get("picture");
    if (!picture) return;
    for (const [part, element] of [["opacity", whole], ["ground_opacity", ground]])
      if (!element.contains(document.activeElement)) element.value = picture[part];
    ground.hidden = !picture.ground;
    none.hidden = picture.layers.length > 0;
    if (picture.id !== drawn) open = null;
    drawn = picture.id;
    const now = JSON.stringify([picture.id, picture.layers, open]);
    const fading = list.querySelector("input:active"); // a slider that is being dragged stays
    if (now === shown || fading) return;
    draw(list, picture);
    shown = now;
  };
  store.watch(["picture"], show);
  list.addEventListener("pointerup", () => setTimeout(show, 2 * PAUSE));
}

const adjust = async (wish, said, id = store.get("picture").id) => {
  const state = await tried(() => api.adjust(id, wish));
  if (state) adjusted(state);
  if (state && said) announce(said);
};

function fader(of, name, title, part, usual = 1) {
  const send = debounced((opacity, id) => adjust({ of, opacity }, null, id), PAUSE);
  const set = (opacity) => send(opacity, store.get("picture").id);
  const show = (value) => `${Math.round(value * 100)} %`;
  const label = of === "all" || of === "ground" ? name : `${name} of stroke ${of + 1}`;
  const made = slider({ name, label, title, scale: even(0, 1), show, usual, oninput: set });
  made.dataset.part = part;
  return made;
}

function draw(list, picture) {
  const focused = list.contains(document.activeElement) && focusOf(document.activeElement);
  if (open !== null && open >= picture.layers.length) open = null;
  const rows = picture.layers.map((layer, number) => row(layer, number, picture)).reverse();
  list.replaceChildren(...rows);
  if (focused) list.querySelector(focused)?.focus();
}

/** What had the focus finds it again after the list was drawn anew. */
const focusOf = ({ dataset, ariaLabel }) => (dataset.act ? `[data-act="${dataset.act}"]` : `[aria-label="${ariaLabel}"]`);

function row(layer, number, picture) {
  const name = layer.look.kind === "erase" ? "Eraser" : nameOf(layer.look, picture);
  const called = `${number + 1}: ${name}`;
  const eye = button("eye", layer.visible ? `Hide stroke ${called}` : `Show stroke ${called}`, number, () =>
    adjust({ of: number, visible: !layer.visible }, layer.visible ? "Hidden" : "Shown"),
  );
  eye.setAttribute("aria-pressed", layer.visible);
  const turn = () => {
    open = open === number ? null : number;
    store.set({ picture: { ...store.get("picture") } });
  };
  const attributes = { type: "button", class: "stroke-name", "aria-expanded": open === number, "data-act": `open-${number}` };
  const percent = layer.opacity < 1 ? el("span", { class: "quiet tabular" }, `${Math.round(layer.opacity * 100)} %`) : null;
  const title = el("button", { ...attributes, onclick: turn }, lookFrame(layer.look, picture), el("span", {}, called), percent);
  const item = el("li", { class: "stroke-row" }, eye, title, open === number ? settings(layer, number, picture) : null);
  item.toggleAttribute("data-hidden", !layer.visible);
  return item;
}

function settings(layer, number, picture) {
  const opacity = fader(number, "Opacity", "How far this stroke covers what lies below", "stroke");
  opacity.value = layer.opacity;
  const options = BLENDS.map(([value, name]) => el("option", { value, selected: value === layer.blend }, name));
  const blend = el(
    "select",
    { "aria-label": `What of stroke ${number + 1} is shown`, onchange: () => adjust({ of: number, blend: blend.value }) },
    ...options,
  );
  const move = (to) => {
    open = to;
    adjust({ of: number, to }, to > number ? "Moved up" : "Moved down");
  };
  const up = button("up", `Move stroke ${number + 1} up`, number, () => move(number + 1));
  const down = button("down", `Move stroke ${number + 1} down`, number, () => move(number - 1));
  up.disabled = number === picture.layers.length - 1;
  down.disabled = number === 0;
  const remove = button("trash", `Remove stroke ${number + 1}`, number, () => {
    open = null;
    adjust({ of: number, removed: true }, "Removed");
  });
  return el("div", { class: "stroke-settings" }, opacity, el("div", { class: "row" }, blend, up, down, remove));
}

function button(name, label, number, onclick) {
  const attributes = { type: "button", class: "icon-button small", "aria-label": label, title: label };
  return el("button", { ...attributes, "data-act": `${name}-${number}`, onclick }, icon(name));
}
