// A job at the foot of a dialog: how far it is, and a way to end it.

import { el } from "./dom.js";
import { sentence, timeLeft } from "./progress.js";
import { cancelJob } from "./session.js";

const WAITING = "Waiting for its turn";

export const isWaiting = ({ state }) => state === "waiting";

/** The bar stays the same element, so that the focus on Cancel is not lost. */
export function showRunning(foot, job, label) {
  if (foot.dataset.job !== job.id || !foot.querySelector("progress")) {
    foot.dataset.job = job.id;
    const cancel = el("button", { type: "button", class: "soft", onclick: () => cancelJob(job.id) }, "Cancel");
    foot.replaceChildren(
      el("div", { class: "job" }, el("span", { class: "job-text" }), el("progress", { max: 1, "aria-label": label })),
      cancel,
    );
  }
  foot.querySelector(".job-text").textContent = isWaiting(job) ? WAITING : howFar(job);
  const bar = foot.querySelector("progress");
  if (isWaiting(job)) bar.removeAttribute("value");
  else bar.value = job.done;
}

function howFar(job) {
  const left = timeLeft(job.seconds_left);
  return `${sentence(job.message || "working")} · ${Math.round(job.done * 100)} %${left ? ` · ${left} left` : ""}`;
}
