// Dialogs: the browser's own element, with a head, a body and a way out.

import { byId, el, icon } from "./dom.js";

/** Makes a dialog and returns {dialog, head, body, foot, open, close}. */
export function makeDialog(id, title, className = "") {
  const heading = el("h2", { id: `${id}-title` }, title);
  const close = el("button", { type: "button", class: "icon-button", "aria-label": "Close", title: "Close (Escape)" }, icon("close"));
  const head = el("header", {}, heading, close);
  const body = el("div", { class: "dialog-body", tabindex: "0", role: "group", "aria-labelledby": `${id}-title` });
  const foot = el("footer");
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
