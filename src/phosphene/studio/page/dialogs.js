// Dialogs: the browser's own element, with a head, a body and a way out.

import { byId, el, icon } from "./dom.js";

/** Makes a dialog and returns {dialog, head, body, foot, open, close}. */
export function makeDialog(id, title, className = "") {
  const heading = el("h2", { id: `${id}-title`, tabindex: "-1", autofocus: true }, title);
  const close = el(
    "button",
    { type: "button", class: "icon-button", "aria-label": "Close", title: "Close (Escape)" },
    icon("close"),
  );
  const head = el("div", { class: "dialog-head" }, heading, close);
  const body = el("div", { class: "dialog-body" });
  const foot = el("div", { class: "dialog-foot" });
  const dialog = el("dialog", { id, class: className, "aria-labelledby": `${id}-title` }, head, body, foot);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  byId("dialogs").append(dialog);
  const open = () => {
    byId("menu").hidePopover?.();
    if (!dialog.open) dialog.showModal();
  };
  return { dialog, heading, head, body, foot, open, close: () => dialog.close() };
}
