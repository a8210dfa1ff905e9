// The tab of styles: filters, pictures of one's own, and the map of matched regions.

import { urls } from "./api.js";
import { byId, el, icon } from "./dom.js";
import * as L from "./looks.js";
import { bring, bringer } from "./references.js";
import { choose, chosen, thumbs } from "./session.js";
import { store } from "./store.js";
import { grid, mark, tile } from "./tiles.js";

const overlay = byId("regions");

export async function bringStyle(file) {
  const id = await bring(file);
  if (id) choose(L.style(id));
}

export function stylePanel(root) {
  const own = el("div");
  const filters = el("div");
  root.append(
    bringer("style", "Paint it like another picture", "Drop a painting here, or choose one", bringStyle),
    own,
    filters,
    regionsButton(),
  );
  let shown = "";
  store.watch(["picture", "tab", "target", "brushLook", "tool"], () => {
    const picture = store.get("picture");
    if (!picture) return;
    if (store.get("tab") === "style") thumbs.request("filters");
    const now = JSON.stringify([picture.id, picture.references.map(({ id }) => id)]);
    if (now !== shown) fill(own, filters, picture);
    shown = now;
    mark(root, chosen());
  });
}

function fill(own, filters, picture) {
  const references = picture.references.map(({ id, name }) => tile(L.style(id), picture, choose, { name }));
  own.replaceChildren(...(references.length ? [grid("Your style pictures", ...references)] : []));
  filters.replaceChildren(
    grid(
      "Styles on this picture",
      ...store.get("looks").filters.map(({ name }) => tile(L.filter(name), picture, choose)),
    ),
  );
}

function regionsButton() {
  const title = "Places of the picture and of the style that were matched have the same colour";
  const button = el(
    "button",
    { type: "button", class: "soft wide", "aria-pressed": "false", title, hidden: true },
    icon("regions"),
    "Show the map of regions",
  );
  const show = (on) => {
    button.setAttribute("aria-pressed", on);
    overlay.hidden = !on;
    // The map changes with each style; its address does not.
    if (on) overlay.src = `${urls.regions(store.get("picture").id)}?at=${store.get("picture").revision}`;
  };
  button.addEventListener("click", () => show(overlay.hidden));
  store.watch(["picture"], () => {
    const there = Boolean(store.get("picture")?.regions);
    button.hidden = !there;
    if (!there && !overlay.hidden) show(false);
  });
  return button;
}
