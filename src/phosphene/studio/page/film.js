// A film of the painting: a zoom into it or its strokes in time, with progress, preview and download.

import { api, urls } from "./api.js";
import { makeDialog } from "./dialogs.js";
import { announce, byId, el, icon } from "./dom.js";
import { showRunning } from "./jobfoot.js";
import { active } from "./progress.js";
import { radios } from "./radios.js";
import { takeJob } from "./session.js";
import { store } from "./store.js";
import { tried } from "./toasts.js";

const KINDS = [
  { value: "zoom", name: "Zoom" },
  { value: "strokes", name: "Strokes in time" },
];
const ABOUT = {
  zoom: "A flight into the painting, in which new forms grow out of the old ones.",
  strokes: "The painting comes into being, from the photograph to the last stroke.",
};
const LENGTHS = ["4", "8", "16"].map((value) => ({ value, name: `${value} s` }));
let sheet = null;
let kind = "zoom";
let seconds = "4";
let loop = false;
let wanted = null; // id of the job that is shown
let preview = null;

export function startFilm() {
  byId("menu-film").addEventListener("click", openFilm);
  store.watch(["jobs", "picture"], hear);
}

export function openFilm() {
  if (!store.get("picture")) return;
  if (!sheet) {
    sheet = makeDialog("film-dialog", "Film", "narrow");
    sheet.dialog.addEventListener("close", () => preview.querySelector("video")?.pause());
  }
  draw();
  sheet.open();
}

const current = () => store.get("jobs").get(wanted) ?? latest();
const latest = () => [...store.get("jobs").values()].filter((job) => job.kind === "film").at(-1);

let spoken = "";
function hear() {
  const job = current();
  if (job?.state === "done" && spoken === "running")
    announce("The film is made. See and download it in the dialog Film.");
  spoken = job?.state ?? "";
  if (sheet?.dialog.open && store.get("picture")) drawJob();
}

function draw() {
  preview = el("div", { class: "film-preview", hidden: true });
  const missing = store.get("looks").films;
  if (missing) {
    sheet.body.replaceChildren(el("p", { id: "film-missing" }, missing));
    return sheet.foot.replaceChildren();
  }
  const about = el("p", { class: "quiet" }, ABOUT[kind]);
  const loops = loopSwitch();
  const pick = (value) => {
    kind = value;
    about.textContent = ABOUT[kind];
    loops.hidden = kind !== "zoom";
  };
  sheet.body.replaceChildren(
    preview,
    el("h3", { class: "label" }, "Kind"),
    radios("film-kind", "Kind", KINDS, kind, pick),
    about,
    el("h3", { class: "label" }, "Length"),
    radios("film-length", "Length", LENGTHS, seconds, (value) => (seconds = value)),
    loops,
    el("p", { class: "quiet note" }, "An MP4 file, at most 720 pixels wide or high. You can go on painting meanwhile."),
  );
  return drawJob();
}

function loopSwitch() {
  const input = el("input", { type: "checkbox", checked: loop, onchange: () => (loop = input.checked) });
  const words = el("span", {}, "Loop: the end meets the beginning");
  return el("label", { class: "row check", hidden: kind !== "zoom" }, input, words);
}

async function begin() {
  const wish = { kind, seconds: Number(seconds), ...(kind === "zoom" ? { loop } : {}) };
  const job = await tried(() => api.film(store.get("picture").id, wish));
  if (!job) return;
  wanted = job.id;
  takeJob(job);
  drawJob();
}

function drawJob() {
  if (store.get("looks").films) return undefined;
  const job = current();
  showPreview(job?.state === "done" ? job : null);
  if (job && active(job)) return showRunning(sheet.foot, job, "Making the film");
  const again = job?.state === "done";
  const state = again ? `done ${job.id}` : "ready";
  if (sheet.foot.dataset.job === state) return undefined;
  sheet.foot.dataset.job = state;
  const attributes = { type: "button", class: again ? "soft" : "primary", id: "film-begin", onclick: begin };
  const start = el("button", attributes, again ? "Make another" : "Make the film");
  return sheet.foot.replaceChildren(...(again ? [done(job)] : []), start);
}

/** The video stays the same element as long as the film does, so that it plays on. */
function showPreview(job) {
  if (preview.dataset.job === (job?.id ?? "")) return;
  preview.dataset.job = job?.id ?? "";
  preview.hidden = !job;
  const plays = { controls: true, muted: true, loop: true, playsinline: true };
  const attributes = { ...plays, "aria-label": "Preview of the film" };
  const size = job && { width: job.result.width, height: job.result.height };
  preview.replaceChildren(...(job ? [el("video", { ...attributes, ...size, src: urls.result(job.id) })] : []));
}

function done(job) {
  const { name, width, height, bytes } = job.result;
  const words = `${width} × ${height} · ${(bytes / 1e6).toFixed(1)} MB`;
  const link = { class: "primary button", href: urls.result(job.id), download: name, id: "film-download" };
  return el(
    "div",
    { class: "job done" },
    el("span", { class: "job-text" }, el("strong", {}, name), el("span", { class: "quiet" }, words)),
    el("a", link, icon("save"), "Download"),
  );
}
