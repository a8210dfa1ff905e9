// The first screen: the ways in, and the shelves of pictures that there are already.

import { api, urls } from "./api.js";
import { byId, el, icon } from "./dom.js";
import { openCanvas, openFromFolder } from "./opening.js";
import { store } from "./store.js";
import { tell, tried } from "./toasts.js";

const UNDO_TIME = 7000;
const leaving = new Map(); // pictures on their way out, which can still be called back

export function startStart() {
  const { canvases: known, guides } = store.get("looks");
  const canvases = known.map(({ name, about }) =>
    el(
      "button",
      { type: "button", class: "soft canvas", title: capital(about), onclick: () => openCanvas(name) },
      guides.includes(name)
        ? el("img", { class: "swatch", src: urls.guide(name), alt: "", draggable: "false" })
        : el("span", { class: `swatch ${name}`, "aria-hidden": "true" }),
      capital(name),
    ),
  );
  byId("canvases").append(...canvases);
  addEventListener("pagehide", () => [...leaving.values()].forEach((forget) => forget()));
}

const capital = (name) => name[0].toUpperCase() + name.slice(1);

/** Asking for a folder that is not there would leave an error in the console. */
const folderThere = () => store.get("looks").folder !== false;

export async function drawShelves() {
  const [recent, folder] = await Promise.all([
    tried(api.pictures),
    folderThere() ? api.folder().catch(() => null) : null,
  ]);
  const pictures = (recent?.pictures ?? []).filter(({ id }) => !leaving.has(id));
  const shelves = [];
  if (pictures.length) shelves.push(shelf("Recent", pictures.map(recentCard)));
  if (folder?.pictures.length || folder?.left_out) {
    shelves.push(shelf(folder.folder, folder.pictures.map(folderCard), folder.left_out));
  }
  byId("shelves").replaceChildren(...shelves);
}

function shelf(name, cards, below = "") {
  const list = el("ul", { class: "cards", role: "list", "aria-label": name }, ...cards);
  const note = below ? el("p", { class: "quiet" }, below) : null;
  return el("section", { class: "shelf", "aria-label": name }, el("h2", { class: "label" }, name), list, note);
}

function recentCard({ id, name, width, height, changed, strokes }) {
  const details = `${width} × ${height}${strokes ? ` · ${strokes} ${strokes === 1 ? "stroke" : "strokes"}` : ""}`;
  const open = el(
    "a",
    { class: "card", href: `#${id}`, "aria-label": `Open ${name}`, title: `${details} · ${ago(changed)}` },
    picture(urls.thumbnail(id, changed)),
    ...caption(name, ago(changed)),
  );
  const card = el("li", {}, open);
  const remove = el(
    "button",
    {
      type: "button",
      class: "icon-button small remove",
      "aria-label": `Delete ${name}`,
      title: "Delete",
      onclick: () => forget(id, name, card),
    },
    icon("trash"),
  );
  card.append(remove);
  return card;
}

function folderCard({ number, name }) {
  const open = () => openFromFolder(number);
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", class: "card", "aria-label": `Open ${name}`, onclick: open },
      picture(urls.folder(number)),
      ...caption(name, ""),
    ),
  );
}

const picture = (src) =>
  el("span", { class: "card-picture" }, el("img", { src, alt: "", loading: "lazy", draggable: "false" }));
const caption = (name, small) => [
  el("span", { class: "card-name" }, name),
  small ? el("span", { class: "quiet card-small" }, small) : null,
];

/** The server cannot bring a picture back: it is only told when nobody can undo any more. */
function forget(id, name, card) {
  const next = card.nextElementSibling ?? card.previousElementSibling;
  const send = () => {
    leaving.delete(id);
    fetch(`/api/pictures/${id}`, { method: "DELETE", keepalive: true }).catch(() => {}); // it stays on the shelf then
  };
  leaving.set(id, send);
  card.hidden = true;
  (next?.querySelector("a, button") ?? byId("choose")).focus();
  const back = () => {
    leaving.delete(id);
    card.hidden = false;
  };
  tell(`${name} is deleted.`, {
    action: { name: "Undo", act: back },
    milliseconds: UNDO_TIME,
    after: () => leaving.has(id) && send(),
  });
}

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(time) {
  const seconds = (Date.now() - new Date(time)) / 1000;
  for (const [unit, length] of UNITS)
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  return "just now";
}
