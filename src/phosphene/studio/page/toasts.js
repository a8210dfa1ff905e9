// Short messages at the edge: errors in words, and things that can be taken back.

import { byId, el, icon } from "./dom.js";

const LONG = 9000;

/** Shows an error: what was wrong and what to do. The same words are shown once. */
export function complain(error) {
  console.debug(error); // the reason behind the words, for whoever looks
  show({ words: error.message, hint: error.hint, role: "alert", seconds: LONG });
}

/** Tells something. `action` is {name, act}. Returns what takes it away. */
export function tell(words, { hint = "", action = null, milliseconds = 5000, after = null } = {}) {
  return show({ words, hint, action, role: "status", seconds: milliseconds, after });
}

/** Takes away what was said of a picture that is left; what can be taken back stays. */
export function clearToasts() {
  for (const toast of byId("toasts").querySelectorAll("[role=alert]")) toast.leave();
}

function show({ words, hint, action, role, seconds, after }) {
  const place = byId("toasts");
  for (const other of [...place.children]) if (other.dataset.words === words) other.leave();
  const toast = el("div", { class: "toast", role, "data-words": words });
  const leave = () => {
    clearTimeout(timer);
    if (toast.isConnected) after?.();
    toast.remove();
  };
  const timer = setTimeout(leave, seconds);
  toast.leave = leave;
  toast.append(
    el("p", {}, el("strong", {}, words), hint ? el("span", {}, hint) : null),
    el("div", { class: "toast-actions" }, ...buttons(action, leave, toast)),
  );
  place.append(toast);
  return leave;
}

function buttons(action, leave, toast) {
  const close = el("button", { type: "button", class: "icon-button small", "aria-label": "Dismiss", onclick: leave });
  close.append(icon("close"));
  if (!action) return [close];
  const act = () => {
    toast.remove();
    action.act();
  };
  return [el("button", { type: "button", class: "soft", onclick: act }, action.name), close];
}

/** Runs `work` and says in words what went wrong, if anything did. Returns its result, or null. */
export async function tried(work) {
  try {
    return await work();
  } catch (error) {
    complain(error);
    return null;
  }
}
