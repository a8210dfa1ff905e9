// What everything does, and all keys.

import { makeDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { setSingleKeys, singleKeys } from "./keys.js";

const MAC = navigator.platform?.startsWith("Mac");
const CONTROL = MAC ? "⌘" : "Ctrl";

const GROUPS = {
  Paint: [
    ["B", "Brush"],
    ["E", "Eraser: brings the photograph back"],
    ["S", "Select: click on a region, or draw round a place; the brush paints inside"],
    ["[ ]", "Smaller, larger"],
    ["{ }", "Harder, softer"],
    [", .", "Weaker, stronger"],
    ["L", "Choose what the brush paints"],
    ["Esc", "Take the stroke back while painting; else end the selection"],
  ],
  See: [
    ["C", "Hold: the photograph as it was"],
    ["+ −", "Zoom; the wheel does, too"],
    ["0", "Fit the picture in the window"],
    ["1", "Actual pixels, 100 %"],
    ["Space", "Hold and drag: move the picture; also the middle button"],
  ],
  "Paint with the keyboard": [
    ["Tab", "Go to the picture"],
    ["← ↑ → ↓", "Move the brush; with Shift, further"],
    ["Enter", "Hold: paint there, and move meanwhile"],
    ["P", "Put the brush down; again: lift it"],
  ],
  Keep: [
    [`${CONTROL} S`, "Save the picture as you see it"],
    [`${CONTROL} C`, "Copy it"],
    [`${CONTROL} Z`, "Undo"],
    [`${CONTROL} Shift Z`, `Redo; also ${CONTROL} Y`],
    ["R", "Render at full size"],
    ["?", "This help"],
  ],
};

const LINES = [
  "Choose a look on the side, and the whole picture grows into it. Then paint with the brush: " +
    "as long as you hold it, the place goes on dreaming.",
  "With a finger you paint; with two fingers you move and zoom. A pen's pressure counts.",
];

let sheet = null;

export function openHelp() {
  sheet ??= make();
  sheet.open();
}

function make() {
  const made = makeDialog("help-dialog", "Help and keys");
  const groups = Object.entries(GROUPS).map(([name, keys]) =>
    el("section", {}, el("h3", { class: "label" }, name), list(keys)),
  );
  made.body.append(
    ...LINES.map((line) => el("p", {}, line)),
    el("div", { class: "key-groups" }, ...groups),
    keySwitch(),
  );
  return made;
}

const list = (keys) =>
  el("dl", { class: "keys" }, ...keys.flatMap(([key, what]) => [el("dt", {}, ...caps(key)), el("dd", {}, what)]));
const caps = (key) => key.split(" ").map((one) => el("kbd", {}, one));

/** Who speaks to the computer, or has a trembling hand, wants no single keys. */
function keySwitch() {
  const input = el("input", {
    type: "checkbox",
    checked: singleKeys(),
    onchange: () => setSingleKeys(input.checked),
  });
  return el(
    "label",
    { class: "row check" },
    input,
    el("span", {}, "Enable single-key shortcuts"),
  );
}
