// The open picture: what is done to it, and what the server tells of it.

import { api, urls } from "./api.js";
import { Painting } from "./canvas.js";
import { announce, byId } from "./dom.js";
import { Live } from "./live.js";
import { USUAL, lookOf, nameOf, preset, sameLook } from "./looks.js";
import { store } from "./store.js";
import { Thumbs } from "./thumbs.js";
import { complain, tried } from "./toasts.js";
import { Viewport } from "./viewport.js";

export const painting = new Painting(byId("painting"), byId("glow"));
export const viewport = new Viewport(byId("stage"), byId("easel"));
export const thumbs = new Thumbs();
export const live = new Live({ opened, closed, frame: (header, bytes) => painting.frame(header, bytes), event: heard });

const RECENT = 8;
const listeners = { error: [], lost: [], leave: [] };
let lastGround = 0; // so that a slow answer does not undo a later choice

export const whenTold = (name, act) => listeners[name].push(act);
const tellAll = (name, value) => listeners[name].forEach((act) => act(value));

/** Shows a picture that the server has opened. */
export function show(state) {
  painting.begin();
  painting.resize(state.view);
  viewport.hold(state.view);
  thumbs.begin(state.id, store.get("looks"));
  store.set({ picture: null, jobs: new Map() });
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

export function leave() {
  live.leave();
  tellAll("leave");
  store.set({ picture: null, jobs: new Map(), connected: true });
  document.body.dataset.screen = "start";
  document.body.dataset.growing = "false";
}

function takeState(state) {
  const before = store.get("picture");
  if (before && (before.id !== state.id || before.revision > state.revision)) return;
  const kept = [...store.get("jobs").values()].filter((job) => job.state === "done" || job.kind === "thumbnails");
  store.set({ picture: state, jobs: new Map([...kept, ...state.jobs].map((job) => [job.id, job])) });
  const { brushLook } = store.get("picture") ? { brushLook: store.get("brushLook") } : {};
  const gone = brushLook?.reference && !state.references.some(({ id }) => id === brushLook.reference);
  if (gone) store.set({ brushLook: firstLook() });
}

async function opened() {
  const { id, revision } = store.get("picture");
  store.set({ connected: true });
  thumbs.online(true);
  painting.load(() => api.blob(urls.view(id)), revision).catch(complain);
  try {
    takeState(await api.state(id));
  } catch (error) {
    if (error.status === 404) leave();
    complain(error);
  }
}

function closed() {
  thumbs.online(false);
  store.set({ connected: false });
  tellAll("lost");
}

function heard(message) {
  if (message.event === "state") takeState(message.state);
  else if (message.event === "job") takeJob(message.job);
  else if (message.event === "thumbnail") thumbs.arrived(message.key);
  else if (message.event === "error") {
    complain({ message: message.error, hint: message.hint });
    tellAll("error", message);
  }
}

export function takeJob(job) {
  if (job.picture && job.picture !== store.get("picture")?.id) return;
  if (job.kind === "thumbnails") return thumbs.job(job);
  return store.set({ jobs: new Map(store.get("jobs")).set(job.id, job) });
}

export async function cancelJob(id) {
  const job = await tried(() => api.cancel(id));
  if (job) takeJob(job);
}

/** Lets the whole picture become `look`; null is the photograph. */
export async function setGround(look, strength) {
  const picture = store.get("picture");
  const ground = look && { ...look, strength: strength ?? strengthFor(look) };
  const mine = (lastGround += 1);
  store.set({ picture: { ...picture, ground } });
  announce(`The whole picture: ${nameOf(look, picture)}`);
  try {
    const state = await api.ground(picture.id, ground);
    if (mine === lastGround) takeState(state);
  } catch (error) {
    complain(error);
    const now = store.get("picture");
    if (mine === lastGround && now?.id === picture.id) store.set({ picture: { ...now, ground: picture.ground } });
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
  announce(`The brush paints ${nameOf(look, store.get("picture"))}`);
}

/** What is chosen in the panel goes to the whole picture or to the brush. */
export function choose(look) {
  if (store.get("target") === "ground") setGround(look);
  else if (look) setBrushLook(look);
  else store.set({ tool: "eraser" });
}

/** The look that is chosen now, by the same rule. */
export function chosen() {
  if (store.get("target") === "ground") return lookOf(store.get("picture")?.ground);
  return store.get("tool") === "eraser" ? null : store.get("brushLook");
}

export async function step(direction) {
  const picture = store.get("picture");
  if (!picture?.[`can_${direction}`]) return;
  const state = await tried(() => api[direction](picture.id));
  if (!state) return;
  takeState(state);
  announce(direction === "undo" ? "Undone" : "Done again");
}
