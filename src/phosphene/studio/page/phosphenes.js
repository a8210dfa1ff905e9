// The lights that one sees with closed eyes: dots on a lattice that is even in the visual cortex, and therefore
// logarithmic on the retina (Bressloff, Cowan and others, "Geometric visual hallucinations", 2001).

import { byId, still } from "./dom.js";

const RINGS = 17;
const DOTS = 30;
const GROWTH = 1.235; // from one ring to the next, so that the dots keep their shape
const FIRST = 0.62; // the innermost ring, in radii of the eye
const FRAME = 33; // milliseconds
const COLOURS = { dark: ["211 236 131", "242 190 110", "236 143 118", "150 196 178"], light: ["120 140 30", "190 120 30", "190 84 60", "50 120 104"] };

const canvas = byId("phosphenes");
const context = canvas.getContext("2d");
let phase = 0;
let speed = 0.1;
let last = 0;
let lean = { x: 0, y: 0 };

export function startPhosphenes() {
  new ResizeObserver(resize).observe(canvas);
  addEventListener("pointermove", ({ clientX, clientY }) => (lean = { x: clientX / innerWidth - 0.5, y: clientY / innerHeight - 0.5 }));
  requestAnimationFrame(turn);
}

function resize() {
  const density = Math.min(1.5, devicePixelRatio);
  canvas.width = canvas.clientWidth * density;
  canvas.height = canvas.clientHeight * density;
  draw();
}

function turn(time) {
  requestAnimationFrame(turn);
  const seen = document.body.dataset.screen === "start" && !document.hidden;
  if (!seen || still() || time - last < FRAME) return;
  const seconds = Math.min(0.1, (time - last) / 1000);
  last = time;
  const drawn = document.body.hasAttribute("data-dragging") || document.body.hasAttribute("data-opening");
  speed += ((drawn ? -1.6 : 0.1) - speed) * 0.06; // a picture that comes near draws the lights in
  phase += speed * seconds;
  draw();
}

function draw() {
  const { width, height } = canvas;
  const eye = byId("choose").getBoundingClientRect();
  const box = canvas.getBoundingClientRect();
  if (!eye.width || !width) return;
  const density = width / box.width;
  const at = { x: (eye.left + eye.width / 2 - box.left) * density, y: (eye.top + eye.height / 2 - box.top) * density };
  const colours = COLOURS[getComputedStyle(document.documentElement).getPropertyValue("--room-is").trim() || "dark"] ?? COLOURS.dark;
  context.clearRect(0, 0, width, height);
  for (let ring = 0; ring < RINGS; ring += 1) drawRing(ring, at, (eye.width / 2) * density, colours);
}

function drawRing(ring, at, eye, colours) {
  const step = Math.floor(phase);
  const along = ring + (phase - step); // a ring that leaves outside comes again inside
  const radius = eye * FIRST * GROWTH ** along;
  const number = ring - step; // stays with a ring while it moves
  const depth = Math.min(1, Math.max(0, (radius / eye - 1.02) / 0.35)) * (1 - along / RINGS) ** 0.7;
  const turnBy = number * (Math.PI / DOTS) + phase * 0.02;
  const size = radius * 0.058 * (0.75 + 0.25 * Math.sin(number * 1.7 + phase * 2));
  const colour = colours[((number % colours.length) + colours.length) % colours.length];
  for (let dot = 0; dot < DOTS; dot += 1) {
    const angle = turnBy + (dot / DOTS) * 2 * Math.PI;
    const flicker = 0.5 + 0.5 * Math.sin(dot * 2.4 + number * 4.1 + phase * 3);
    context.fillStyle = `rgb(${colour} / ${(0.05 + 0.5 * flicker ** 3) * depth})`;
    context.beginPath();
    const [x, y] = [at.x + Math.cos(angle) * radius - lean.x * along * 6, at.y + Math.sin(angle) * radius - lean.y * along * 6];
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fill();
  }
}
