// Taking the painting away: as a file to go on with, or as a command.

import { api, urls } from "./api.js";
import { makeDialog } from "./dialogs.js";
import { byId, el, icon } from "./dom.js";
import { store } from "./store.js";
import { tell, tried } from "./toasts.js";

let sheet = null;

export function startShare() {
  byId("menu-picture").addEventListener("click", () => (byId("menu").hidePopover(), savePicture()));
  byId("menu-copy").addEventListener("click", () => (byId("menu").hidePopover(), copyPicture()));
  byId("menu-share").addEventListener("click", () => (byId("menu").hidePopover(), sharePicture()));
  byId("menu-share").hidden = !canShare();
  byId("menu-save").addEventListener("click", save);
  byId("menu-command").addEventListener("click", showCommand);
}

const stem = () => store.get("picture").name.replace(/\.[^.]+$/, "");

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

async function save() {
  byId("menu").hidePopover();
  const blob = await tried(() => api.blob(urls.painting(store.get("picture").id)));
  if (blob) download(blob, `${stem()}.phosphene`);
}

// What is seen, at once: at the size at which it is painted; Render makes it as large as the photograph.

const seen = () => new Promise((done) => byId("painting").toBlob(done, "image/png"));

export async function savePicture() {
  download(await seen(), `${stem()}-painting.png`);
  tell("The picture is saved as you see it.", { hint: "Render makes it as large as the photograph." });
}

export async function copyPicture() {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": seen() })]);
    tell("The picture is copied.");
  } catch {
    tell("The browser does not let the page copy.", { hint: "Save it instead: Ctrl S." });
  }
}

const file = (blob) => new File([blob], `${stem()}-painting.png`, { type: "image/png" });

function canShare() {
  const sample = new File([], "a.png", { type: "image/png" });
  return Boolean(navigator.canShare?.({ files: [sample] }));
}

async function sharePicture() {
  await navigator.share({ files: [file(await seen())] }).catch(() => {}); // who changes their mind is told nothing
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
