// While something grows: a slim bar over the picture, with the time that is left and a way to end it.

import { announce, byId } from "./dom.js";
import { cancelJob } from "./session.js";
import { store } from "./store.js";

const GROWS = ["ground", "look"];
const bar = byId("growing-bar");
let spoken = "";

export const active = ({ state }) => state === "waiting" || state === "running";

export function startProgress() {
  byId("growing-cancel").addEventListener("click", () => growth() && cancelJob(growth().id));
  store.watch(["jobs", "picture", "late"], show);
}

function growth() {
  return [...store.get("jobs").values()].filter((job) => GROWS.includes(job.kind) && active(job)).at(-1);
}

function show() {
  const job = growth();
  const growing = Boolean(job?.kind === "ground" || store.get("picture")?.growing);
  document.body.dataset.growing = growing;
  const late = store.get("late") && !job && !growing;
  byId("growing").hidden = !growing && !job && !late;
  if (!growing && !job && !late) return speak("");
  byId("growing-text").textContent = late ? "Painting your stroke" : sentence(job?.message || "dreaming");
  byId("growing-left").textContent = timeLeft(job?.seconds_left);
  byId("growing-cancel").hidden = !job;
  if (job && job.state === "running") bar.value = job.done;
  else bar.removeAttribute("value");
  return speak(job && job.done >= 0.5 ? "Half done" : "Dreaming…");
}

function speak(words) {
  if (words === spoken) return;
  if (words || spoken) announce(words || "Done");
  spoken = words;
}

export const sentence = (words) => words[0].toUpperCase() + words.slice(1);

export function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1) return "less than 1 s";
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
