// The tab of dreams: the photograph, the presets, and the way to single layers.

import { el, icon } from "./dom.js";
import { PHOTOGRAPH, preset } from "./looks.js";
import { openPicker } from "./picker.js";
import { choose, chosen } from "./session.js";
import { store } from "./store.js";
import { grid, mark, tile } from "./tiles.js";

export function dreamPanel(root) {
  let shown = null;
  const draw = () => {
    const picture = store.get("picture");
    if (picture && picture.id !== shown) {
      shown = picture.id;
      root.replaceChildren(strip(picture), deeper());
    }
    if (picture) mark(root, chosen());
  };
  store.watch(["picture", "target", "brushLook", "tool"], draw);
}

function strip(picture) {
  const about = "The photograph as it is; for the brush, the eraser";
  const photograph = tile(PHOTOGRAPH, picture, choose, { about });
  const presets = store.get("looks").presets.map(({ name }) => tile(preset(name), picture, choose));
  return grid("Dreams on this picture", photograph, ...presets);
}

function deeper() {
  const open = () => openPicker(store.get("target"), "layers");
  const title = "The network's own layers, and each of their channels";
  return el(
    "button",
    { type: "button", class: "soft wide", title, "aria-haspopup": "dialog", onclick: open },
    icon("layers"),
    "Layers and channels",
  );
}
