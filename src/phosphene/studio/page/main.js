// Puts the parts together, and follows the address: #id is an open picture, without it there is the first screen.

import { LOCKED, LOCKED_HINT, api } from "./api.js";
import { startBrushbar } from "./brushbar.js";
import { cameraExists, openCamera } from "./camera.js";
import { startCloseup } from "./closeup.js";
import { startCompare } from "./compare.js";
import { byId, drawIcons } from "./dom.js";
import { startFilm } from "./film.js";
import { openHelp } from "./help.js";
import { startKeyhand } from "./keyhand.js";
import { startKeys } from "./keys.js";
import { startModality } from "./modality.js";
import { startOpening } from "./opening.js";
import { startPanels } from "./panels.js";
import { startPhosphenes } from "./phosphenes.js";
import { startPointer } from "./pointer.js";
import { startProgress } from "./progress.js";
import { startRender } from "./render.js";
import { leave, photographScale, show, step, viewport } from "./session.js";
import { startSelection } from "./selection.js";
import { startShare } from "./share.js";
import { drawShelves, startStart } from "./start.js";
import { rememberHand, store } from "./store.js";
import { startTheme, toggleTheme } from "./theme.js";
import { complain } from "./toasts.js";

const QUIET = 1200; // a break this short is not worth a word
const LONG = 15000; // after such a break the server has probably ended
const STOPPED =
  "The studio has stopped; your painting is saved. Start it in a terminal (phosphene studio), and open its address.";

async function begin() {
  startTheme();
  drawIcons();
  startModality();
  startPhosphenes();
  startOpening();
  byId("theme").addEventListener("click", toggleTheme);
  byId("help").addEventListener("click", openHelp);
  const looks = await reached();
  rememberHand();
  store.set({ looks, connected: true });
  for (const start of [startStart, startBrushbar, startPanels, startPointer, startKeyhand, startKeys]) start();
  for (const start of [startCloseup, startSelection, startCompare, startProgress, startRender, startFilm, startShare, startHeader])
    start();
  for (const start of [startBanner, startSheet]) start();
  addEventListener("popstate", route);
  route();
}

/** The server may still be waking up when the browser opens. */
async function reached() {
  for (let wait = 300; ; wait = Math.min(4000, wait * 1.6)) {
    try {
      return await api.looks();
    } catch (error) {
      complain(error);
      if (error.status === 401 || error.status === 403) return new Promise(() => {}); // nothing to wait for
    }
    await new Promise((again) => setTimeout(again, wait));
  }
}

async function route() {
  const id = location.hash.slice(1);
  if (!id) return home();
  if (store.get("picture")?.id === id) return undefined;
  try {
    show(await api.state(id));
  } catch (error) {
    complain(error);
    goHome();
  }
  return undefined;
}

function home() {
  leave();
  drawShelves();
}

function goHome() {
  history.pushState(null, "", location.pathname);
  home();
}

function startHeader() {
  const click = (id, act) => byId(id).addEventListener("click", act);
  click("home", goHome);
  click("skip", (event) => {
    event.preventDefault(); // #main in the address would be taken for a picture
    (store.get("picture") ? byId("painting") : byId("main")).focus();
  });
  click("undo", () => step("undo"));
  click("redo", () => step("redo"));
  click("zoom-in", () => viewport.zoom(1.25));
  click("zoom-out", () => viewport.zoom(0.8));
  click("zoom-fit", () => viewport.fit());
  click("zoom-level", () => viewport.zoomTo(photographScale()));
  click("camera", openCamera);
  byId("camera").hidden = !cameraExists();
  const fromMenu = { "menu-new": goHome, "menu-theme": toggleTheme, "menu-help": openHelp };
  for (const [id, act] of Object.entries(fromMenu)) click(id, () => (byId("menu").hidePopover(), act()));
  viewport.addEventListener("change", showZoom);
  store.watch(["picture"], showZoom);
  store.watch(["picture"], showPicture);
}

function showZoom() {
  const percent = `${Math.round((viewport.scale / photographScale()) * 100)} %`; // of the photograph, not of its view
  byId("zoom-level").textContent = percent;
  byId("zoom-level").setAttribute("aria-label", `Zoom ${percent}: show actual pixels`);
}

function showPicture() {
  const picture = store.get("picture");
  document.title = picture ? `${picture.name} – Phosphene studio` : "Phosphene studio";
  byId("picture-name").textContent = picture?.name ?? "";
  byId("picture-name").title = picture ? `${picture.width} × ${picture.height} pixels` : "";
  byId("undo").disabled = !picture?.can_undo;
  byId("redo").disabled = !picture?.can_redo;
}

function startBanner() {
  let timer = 0;
  const say = (words) => {
    byId("banner").textContent = words;
    byId("banner").hidden = !words;
  };
  store.watch(["connected", "locked"], () => {
    const connected = store.get("connected");
    document.body.dataset.connected = connected;
    clearTimeout(timer);
    if (store.get("locked")) say(`${LOCKED} ${LOCKED_HINT}`);
    else if (connected) say("");
    else timer = setTimeout(lost, QUIET);
  });
  const lost = () => {
    say("Reconnecting… your painting is saved.");
    timer = setTimeout(() => say(STOPPED), LONG);
  };
}

/** On a phone the looks can be folded away. */
function startSheet() {
  byId("grip").addEventListener("click", () => {
    const folded = byId("work").toggleAttribute("data-folded");
    byId("grip").setAttribute("aria-expanded", !folded);
  });
}

begin();
