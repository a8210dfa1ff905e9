// Taking the painting away: as a file to go on with, or as a command.

import { api, urls } from "./api.js";
import { makeDialog } from "./dialogs.js";
import { byId, el, icon } from "./dom.js";
import { store } from "./store.js";
import { tell, tried } from "./toasts.js";

let sheet = null;

export function startShare() {
  byId("menu-save").addEventListener("click", save);
  byId("menu-command").addEventListener("click", showCommand);
}

async function save() {
  const { id, name } = store.get("picture");
  byId("menu").hidePopover();
  const blob = await tried(() => api.blob(urls.painting(id)));
  if (!blob) return;
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: `${name.replace(/\.[^.]+$/, "")}.phosphene` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

async function showCommand() {
  const told = await tried(() => api.command(store.get("picture").id));
  if (!told) return;
  sheet ??= makeDialog("command-dialog", "As a command", "narrow");
  const { command, note } = told;
  const words = command
    ? el("pre", { class: "command", role: "group", tabindex: "0", "aria-label": "The command" }, el("code", {}, command))
    : el("p", {}, "No single command makes this picture.");
  sheet.body.replaceChildren(words, el("p", { class: "quiet" }, note ?? ""));
  sheet.foot.replaceChildren(...(command ? [copyButton(command)] : []));
  sheet.open();
}

function copyButton(command) {
  const copy = async () => {
    const done = await navigator.clipboard?.writeText(command).then(
      () => true,
      () => false,
    );
    tell(done ? "Copied" : "The browser does not let the page copy: select the line and copy it.");
    if (done) sheet.close();
  };
  return el("button", { type: "button", class: "primary", onclick: copy }, icon("copy"), "Copy");
}
