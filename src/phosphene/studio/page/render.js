// The picture at full size: format, size, progress, download. Painting goes on meanwhile.

import { api, urls } from "./api.js";
import { makeDialog } from "./dialogs.js";
import { announce, byId, el, icon } from "./dom.js";
import { isWaiting, showRunning } from "./jobfoot.js";
import { active } from "./progress.js";
import { radios } from "./radios.js";
import { takeJob } from "./session.js";
import { store } from "./store.js";
import { tried } from "./toasts.js";

const NAMES = { png: "PNG", jpeg: "JPEG", webp: "WebP", tiff: "TIFF", avif: "AVIF" };
const ABOUT = {
  png: "Exact; a large file",
  jpeg: "Small, for sharing",
  webp: "Smaller still",
  tiff: "Exact, for printing",
  avif: "Smallest",
};
const LEAST = 64;
const TIMES = ["2", "4"]; // of the photograph's size: the picture is enlarged, and dreamt upon there
const chip = byId("render-chip");
let sheet = null;
let format = "png";
let size = "full";
let own = null; // the long side that was typed
let wanted = null; // id of the job that is shown

export function startRender() {
  byId("render").addEventListener("click", openRender);
  store.watch(["jobs", "picture"], hear);
}

export function openRender() {
  const picture = store.get("picture");
  if (!picture) return;
  sheet ??= makeDialog("render-dialog", "Render", "narrow");
  own = null;
  size = "full";
  draw();
  sheet.open();
}

const current = () => store.get("jobs").get(wanted) ?? latest();
const latest = () => [...store.get("jobs").values()].filter(({ kind }) => kind === "render").at(-1);

let spoken = "";
function hear() {
  const job = current();
  const running = Boolean(job && active(job));
  chip.hidden = !running;
  if (running) chip.textContent = isWaiting(job) ? "waiting" : `${Math.round(job.done * 100)} %`;
  if (job?.state === "done" && spoken === "running")
    announce("The picture is rendered. Download it in the dialog Render.");
  spoken = job?.state ?? "";
  if (sheet?.dialog.open && store.get("picture")) drawJob();
}

function draw() {
  const formats = store
    .get("looks")
    .formats.map((value) => ({ value, name: NAMES[value] ?? value, title: ABOUT[value] }));
  const about = el("p", { class: "quiet" }, ABOUT[format]);
  const formatRow = radios("render-format", "Format", formats, format, (value) => {
    format = value;
    about.textContent = ABOUT[format] ?? "";
  });
  sheet.body.replaceChildren(
    el("h3", { class: "label" }, "Format"),
    formatRow,
    about,
    el("h3", { class: "label" }, "Size"),
    ...sizes(),
    el(
      "p",
      { class: "quiet note" },
      "The whole painting is done again at this size. You can go on painting meanwhile.",
    ),
  );
  drawJob();
}

function sizes() {
  const { width, height } = store.get("picture");
  const long = Math.max(width, height);
  const choices = [{ value: "full", name: "Full" }];
  if (long >= 2 * LEAST) choices.push({ value: "half", name: "Half" });
  for (const times of TIMES) choices.push({ value: times, name: `${times}×`, title: "Larger than the photograph" });
  choices.push({ value: "own", name: "Other" });
  const said = el("output", { class: "size-said tabular" });
  const input = el("input", {
    type: "number",
    min: LEAST,
    max: Math.max(long * 4, 8192),
    value: own ?? Math.min(long, 2048),
    "aria-label": "Long side in pixels",
    id: "long-side",
  });
  const field = el("label", { class: "row field" }, el("span", {}, "Long side"), input, el("span", {}, "pixels"));
  const say = () => {
    field.hidden = size !== "own";
    own = Number(input.value);
    const scale = (longSide() ?? long) / long;
    said.textContent = `${Math.round(width * scale)} × ${Math.round(height * scale)} pixels`;
  };
  input.addEventListener("input", say);
  say();
  const pick = (value) => {
    size = value;
    say();
  };
  return [radios("render-size", "Size", choices, size, pick), field, said];
}

function longSide() {
  const { width, height } = store.get("picture");
  const long = Math.max(width, height);
  if (TIMES.includes(size)) return long * Number(size);
  if (size === "half") return Math.round(long / 2);
  return size === "own" ? Math.max(LEAST, own || LEAST) : null;
}

async function begin() {
  const job = await tried(() => api.render(store.get("picture").id, format, longSide()));
  if (!job) return;
  wanted = job.id;
  takeJob(job);
  drawJob();
}

function drawJob() {
  const job = current();
  if (job && active(job)) return showRunning(sheet.foot, job, "Rendering");
  const again = job?.state === "done";
  const start = el(
    "button",
    { type: "button", class: again ? "soft" : "primary", id: "render-begin", onclick: begin },
    again ? "Render again" : "Render",
  );
  return sheet.foot.replaceChildren(...(again ? [done(job)] : []), start);
}

function done(job) {
  const { name, width, height, bytes } = job.result;
  const words = `${width} × ${height} · ${(bytes / 1e6).toFixed(1)} MB`;
  const link = el(
    "a",
    { class: "primary button", href: urls.result(job.id), download: name, id: "download" },
    icon("save"),
    "Download",
  );
  return el(
    "div",
    { class: "job done" },
    el("span", { class: "job-text" }, el("strong", {}, name), el("span", { class: "quiet" }, words)),
    link,
  );
}
