// The open picture: what is done to it, and what the server tells of it.

import { api, urls } from "./api.js";
import { Painting } from "./canvas.js";
import { announce, byId } from "./dom.js";
import { Live } from "./live.js";
import { USUAL, inMannerOf, lookOf, nameOf, preset, sameLook } from "./looks.js";
import { store } from "./store.js";
import { Thumbs } from "./thumbs.js";
import { clearToasts, complain, tried } from "./toasts.js";
import { Viewport } from "./viewport.js";

export const painting = new Painting(byId("painting"), byId("glow"));
export const viewport = new Viewport(byId("stage"), byId("easel"));
export const thumbs = new Thumbs();
export const live = new Live({ opened, closed, frame: framed, event: heard });

const RECENT = 8;
const listeners = { error: [], frame: [], lost: [], leave: [] };
let wished = null; // a ground on its way to the server: what is told meanwhile does not know of it yet

export const whenTold = (name, act) => listeners[name].push(act);
const tellAll = (name, ...told) => listeners[name].forEach((act) => act(...told));

/** How many pixels of the photograph one of the view stands for. */
export function photographScale() {
  const picture = store.get("picture");
  return picture ? picture.width / picture.view.width : 1;
}

/** Shows a picture that the server has opened. */
export function show(state) {
  painting.begin();
  painting.resize(state.view);
  viewport.hold(state.view);
  thumbs.begin(state.id, store.get("looks"));
  wished = null;
  clearToasts();
  store.set({ picture: null, jobs: new Map(), target: targetFor(state) });
  takeState(state);
  if (location.hash !== `#${state.id}`) history.pushState(null, "", `#${state.id}`);
  document.body.dataset.screen = "work";
  live.connect(state.id);
  thumbs.request("presets");
}

/** A picture that has just come begins to dream, whether or not the server began it. */
export function beginDreaming(state) {
  if (!state.ground && !state.can_undo && !state.can_redo && !state.strokes) setGround(firstLook());
}

export const firstLook = () => preset(store.get("looks").presets[0].name);

/** A chosen look is for the brush as soon as somebody painted. */
function targetFor({ id, strokes }) {
  const { picture, target } = store.get("chosenTarget") ?? {};
  if (picture === id) return target;
  return strokes ? "brush" : "ground";
}

/** Says for what a chosen look is; it stays so for this picture. */
export function aimAt(target) {
  store.set({ target, chosenTarget: { picture: store.get("picture")?.id, target } });
}

export function leave() {
  clearToasts();
  live.leave();
  tellAll("leave");
  store.set({ picture: null, jobs: new Map(), connected: true });
  document.body.dataset.screen = "start";
  document.body.dataset.growing = "false";
}

function takeState(state) {
  const before = store.get("picture");
  if (before && (before.id !== state.id || before.revision > state.revision)) return;
  for (const job of state.jobs) if (job.kind === "thumbnails") thumbs.job(job);
  const kept = [...store.get("jobs").values()].filter((job) => (job.state === "done" && job.kind !== "closeup") || job.kind === "thumbnails");
  store.set({
    picture: wished ? { ...state, ground: wished.ground } : state,
    jobs: new Map([...kept, ...state.jobs].map((job) => [job.id, job])),
  });
  const brushLook = store.get("brushLook");
  const lost = brushLook.reference && !state.references.some(({ id }) => id === brushLook.reference);
  if (lost) store.set({ brushLook: firstLook() });
}

/** The server makes ready what the brush paints; a style takes a while. */
function takeUp() {
  const look = store.get("brushLook");
  const there = !look.reference || store.get("picture")?.references.some(({ id }) => id === look.reference);
  if (there) live.send({ do: "take", look });
}

function opened() {
  takeUp();
  // A studio that was started again counts its revisions from the beginning.
  store.set({ connected: true, picture: { ...store.get("picture"), revision: -1 } });
  thumbs.online(true);
  refresh();
}

/** Fetches how it stands, and the view: after a break, or when frames were left out because the page was slow. */
async function refresh() {
  const { id } = store.get("picture");
  try {
    const state = await api.state(id);
    if (store.get("picture")?.id !== id) return;
    takeState(state);
    await painting.load(() => api.blob(urls.view(id)), state.revision);
    tellAll("frame", { of: "view", x: 0, y: 0, width: painting.width, height: painting.height });
  } catch (error) {
    gone(error);
  }
}

function gone(error) {
  if (error.status === 404) leave();
  if (error.status === 401) {
    live.leave(); // it would be refused for ever
    store.set({ locked: true });
  } else complain(error);
}

/** A socket that was never open may have been refused for good; the browser does not say why. */
async function closed(wasOpen) {
  thumbs.online(false);
  store.set({ connected: false });
  tellAll("lost");
  const id = store.get("picture")?.id;
  if (wasOpen || !id) return;
  await api.state(id).catch((error) => error.status && store.get("picture")?.id === id && gone(error));
}

function framed(header, bytes) {
  if (header.of !== "closeup") painting.frame(header, bytes);
  tellAll("frame", header, bytes);
}

function heard(message) {
  if (message.event === "state") takeState(message.state);
  else if (message.event === "job") takeJob(message.job);
  else if (message.event === "thumbnail") thumbs.arrived(message.key);
  else if (message.event === "refresh") refresh();
  else if (message.event === "error") {
    complain({ message: message.error, hint: message.hint });
    tellAll("error", message);
  }
}

/** Waiting, running, over. */
const stage = (job) => (job ? ["waiting", "running"].indexOf(job.state) + 1 || 3 : 0);

export function takeJob(job) {
  if (job.picture && job.picture !== store.get("picture")?.id) return;
  if (job.kind === "thumbnails") return thumbs.job(job);
  if (stage(job) < stage(store.get("jobs").get(job.id))) return undefined; // the socket was quicker than the answer
  store.set({ jobs: new Map(store.get("jobs")).set(job.id, job) });
  if (job.state === "failed") complain({ message: job.message || "That could not be done.", hint: "Try it again." });
  return undefined;
}

export async function cancelJob(id) {
  const job = await tried(() => api.cancel(id));
  if (job) takeJob(job);
}

/** Lets the whole picture become `look`; null is the photograph. */
export async function setGround(look, strength) {
  const picture = store.get("picture");
  const ground = look && { ...look, strength: strength ?? strengthFor(look) };
  const mine = (wished = { ground });
  store.set({ picture: { ...picture, ground } });
  announce(`The whole picture: ${nameOf(look, picture)}`);
  try {
    const state = await api.ground(picture.id, ground);
    if (mine !== wished) return; // another one was chosen since
    wished = null;
    takeState(state);
  } catch (error) {
    complain(error);
    if (mine !== wished) return;
    wished = null;
    const now = store.get("picture");
    if (now?.id === picture.id) store.set({ picture: { ...now, ground: picture.ground } });
  }
}

/** A strength that was turned stays when the look changes within its kind. */
export function strengthFor(look) {
  const ground = store.get("picture")?.ground;
  return ground && ground.kind === look.kind ? ground.strength : USUAL[look.kind];
}

export function setBrushLook(look) {
  const recent = [look, ...store.get("recent").filter((other) => !sameLook(other, look))].slice(0, RECENT);
  store.set({ brushLook: look, recent, tool: "brush" });
  takeUp();
  announce(`The brush paints ${nameOf(look, store.get("picture"))}`);
}

/** What is chosen in the panel goes to the whole picture or to the brush. */
export function choose(wish) {
  const look = inMannerOf(chosen(), wish);
  if (store.get("target") === "ground") setGround(look);
  else if (look) setBrushLook(look);
  else store.set({ tool: "eraser" });
}

/** The look that is chosen now, by the same rule. */
export function chosen() {
  if (store.get("target") === "ground") return lookOf(store.get("picture")?.ground);
  return store.get("tool") === "eraser" ? null : store.get("brushLook");
}

/** How it stands after an adjustment, which the server has told. */
export const adjusted = (state) => takeState(state);

export async function step(direction) {
  const picture = store.get("picture");
  if (!picture?.[`can_${direction}`]) return;
  const state = await tried(() => api[direction](picture.id));
  if (!state) return;
  takeState(state);
  announce(direction === "undo" ? "Undone" : "Done again");
}
