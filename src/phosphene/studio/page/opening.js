// Ways in: a file that is dropped, chosen or pasted, a canvas, a picture of the folder, a painting file.

import { api } from "./api.js";
import { byId } from "./dom.js";
import { bringGuide } from "./guide.js";
import { lookOf, nameOf } from "./looks.js";
import { byKeyboard } from "./modality.js";
import { beginDreaming, leave, painting, setBrushLook, show, viewport } from "./session.js";
import { store } from "./store.js";
import { bringStyle } from "./style.js";
import { complain, tell, tried } from "./toasts.js";

const LONG_SIDE = 1024; // of the view
const isPainting = (file) => file.name?.endsWith(".phosphene");
const isLook = (file) => file.name?.toLowerCase().endsWith(".toml");

export function startOpening() {
  chooses("choose", "photograph-file");
  chooses("open-file", "painting-file");
  byId("paste").addEventListener("click", pasteByButton);
  addEventListener("paste", pasted);
  addEventListener("dragover", dragged);
  addEventListener("dragleave", (event) => !event.relatedTarget && veil(null));
  addEventListener("drop", dropped);
}

function chooses(button, input) {
  byId(button).addEventListener("click", () => byId(input).click());
  byId(input).addEventListener("change", () => {
    const [file] = byId(input).files;
    byId(input).value = "";
    if (file) openFile(file);
  });
}

export async function openFile(file) {
  const { bytes } = store.get("looks")?.limits ?? {};
  if (bytes && file.size > bytes) {
    const most = `At most ${Math.floor(bytes / 1e6)} MB can be opened here.`;
    return complain({
      message: `${file.name} has ${Math.ceil(file.size / 1e6)} MB.`,
      hint: `${most} Save it smaller, or use the command line.`,
    });
  }
  const name = file.name || "pasted.png";
  const load = isPainting(file) ? () => api.unpack(file, name) : () => api.open(file, name);
  return enter(load, isPainting(file) ? null : file);
}

export const openCanvas = (canvas) => {
  const size = { width: 1536, height: 1024 };
  return enter(() => api.make({ canvas, ...size, seed: Math.floor(Math.random() * 1e6) }));
};
export const openFromFolder = (number) => enter(() => api.make({ folder: number }));

let entering = 0;

/** Goes to work with a picture; what the browser can read of it is shown before the server answers. */
async function enter(load, file = null) {
  if (store.get("picture")) leave();
  const mine = (entering += 1);
  document.body.dataset.opening = "true";
  if (file) preview(file, () => mine === entering && !store.get("picture") && document.body.dataset.opening);
  try {
    const state = await load();
    if (mine !== entering) return;
    show(state);
    beginDreaming(state);
    offerLook(state);
    if (byKeyboard()) byId("painting").focus({ preventScroll: true });
  } catch (error) {
    if (mine === entering) leave();
    complain(error);
  } finally {
    if (mine === entering) delete document.body.dataset.opening;
  }
}

/** A picture that the program made says how: its look can be the brush's, for this picture and the next. */
function offerLook({ look }) {
  if (!look) return;
  const act = () => setBrushLook(lookOf(look));
  const words = `Made with ${nameOf(look)}, strength ${Number(look.strength.toFixed(2))}`;
  tell(words, { action: { name: "Paint with this look", act }, milliseconds: 12000 });
}

/** A look's file is kept among the painter's own looks, and is the brush's, if there is a picture. */
async function keepLook(file) {
  const kept = await tried(() => api.keepLook(file, file.name));
  if (!kept) return;
  const [looks, picture] = [store.get("looks"), store.get("picture")];
  store.set({ looks: { ...looks, yours: [...looks.yours.filter(({ name }) => name !== kept.name), kept] } });
  if (picture) setBrushLook(lookOf(kept.ground));
  const hint = picture ? "The brush paints it now." : "Open a picture, and choose it for the brush.";
  tell(`The look ${kept.name} is kept among yours.`, { hint });
}

async function preview(file, wanted) {
  const bitmap = await createImageBitmap(file).catch(() => null); // TIFF, for one, only the server reads
  if (!bitmap || !wanted()) return;
  const scale = Math.min(1, LONG_SIDE / Math.max(bitmap.width, bitmap.height));
  const size = { resizeWidth: Math.round(bitmap.width * scale), resizeHeight: Math.round(bitmap.height * scale) };
  const small = await createImageBitmap(bitmap, { ...size, resizeQuality: "medium" });
  if (!wanted()) return;
  document.body.dataset.screen = "work";
  painting.begin();
  painting.preview(small);
  viewport.hold({ width: small.width, height: small.height });
}

async function pasteByButton() {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((one) => one.startsWith("image/"));
      if (type) return void openFile(new File([await item.getType(type)], "pasted.png", { type }));
    }
    tell("There is no picture in the clipboard.", { hint: "Copy one, and press this again." });
  } catch {
    tell("The browser does not let the page look into the clipboard.", { hint: "Press Ctrl V instead." });
  }
}

function pasted(event) {
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
  if (!file || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  take(file, purpose(null));
}

/** What a file is for: on the side panel a style or guide, elsewhere a new picture. */
function purpose(target) {
  const tab = store.get("tab");
  const onPanel = target === null || target.closest?.("#panel");
  return store.get("picture") && onPanel && tab !== "dream" ? tab : "open";
}

const WORDS = { open: "Drop it: it begins to dream", style: "Drop it as style", guide: "Drop it as guide" };

function dragged(event) {
  if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
  event.preventDefault();
  veil(purpose(event.target));
}

function veil(what) {
  byId("drop-veil").hidden = !what;
  document.body.toggleAttribute("data-dragging", Boolean(what));
  byId("drop-veil").dataset.purpose = what ?? "";
  if (what)
    byId("drop-words").textContent =
      store.get("picture") && what === "open" ? "Drop it as a new picture" : WORDS[what];
}

function dropped(event) {
  const file = event.dataTransfer?.files[0];
  veil(null);
  if (!file) return;
  event.preventDefault();
  if (!document.querySelector("dialog[open]")) take(file, purpose(event.target));
}

function take(file, what) {
  if (isLook(file)) keepLook(file);
  else if (what === "open" || isPainting(file)) openFile(file);
  else if (what === "style") bringStyle(file);
  else bringGuide(file);
}
