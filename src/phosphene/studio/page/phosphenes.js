// The lights that one sees with closed eyes: dots on a lattice that is even in the visual cortex, and therefore
// logarithmic on the retina (Bressloff, Cowan and others, "Geometric visual hallucinations", 2001).

import { byId, clamp, still } from "./dom.js";

const RINGS = 25;
const DOTS = 46;
const GROWTH = Math.exp((2 * Math.PI) / DOTS); // from ring to ring, so that the lattice is square in the cortex
const ARMS = 5;
const REST = 33; // milliseconds between two drawings
const DRIFT = 0.16;
const EASE = 0.55; // seconds in which two thirds of a change of speed are done
const FADE = 0.3; // of the height, over which the lights go out to the lower edge
const COLOURS = {
  dark: ["211 236 131", "240 196 112", "240 150 120", "146 204 184"],
  light: ["126 146 34", "196 128 30", "196 90 62", "48 126 108"],
};

const canvas = byId("phosphenes");
const context = canvas.getContext("2d");
let phase = 0;
let speed = DRIFT;
let last = 0;
let timer; // of the next drawing, and then its frame; none while the lights are not seen
let frame;
let lean = { x: 0, y: 0 };

export function startPhosphenes() {
  new ResizeObserver(resize).observe(canvas);
  new IntersectionObserver((entries) => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    if (entries.at(-1).isIntersecting) frame = requestAnimationFrame(turn);
  }).observe(canvas);
  const follow = ({ clientX, clientY }) => (lean = { x: clientX / innerWidth - 0.5, y: clientY / innerHeight - 0.5 });
  addEventListener("pointermove", follow);
}

function resize() {
  const density = Math.min(1.5, devicePixelRatio);
  canvas.width = canvas.clientWidth * density;
  canvas.height = canvas.clientHeight * density;
  draw();
}

function turn(time) {
  timer = setTimeout(() => (frame = requestAnimationFrame(turn)), REST);
  if (still()) return;
  const seconds = Math.min(0.1, (time - last) / 1000);
  last = time;
  const near = document.body.hasAttribute("data-dragging") || document.body.hasAttribute("data-opening");
  speed += ((near ? -2 : DRIFT) - speed) * (1 - Math.exp(-seconds / EASE)); // a picture that comes near draws them in
  phase += speed * seconds;
  draw();
}

function draw() {
  const box = canvas.getBoundingClientRect();
  const eye = byId("choose").getBoundingClientRect();
  if (!eye.width || !canvas.width) return;
  const density = canvas.width / box.width;
  const room = getComputedStyle(document.documentElement).getPropertyValue("--room-is").trim();
  const scene = {
    eye: place(eye, box, density),
    words: wordsIn(box, density),
    colours: COLOURS[room] ?? COLOURS.dark,
  };
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (let ring = 0; ring < RINGS; ring += 1) drawRing(ring, scene);
}

const place = (part, box, density) => ({
  x: (part.left + part.width / 2 - box.left) * density,
  y: (part.top + part.height / 2 - box.top) * density,
  rx: (part.width / 2) * density,
  ry: (part.height / 2) * density,
});

/** Where the words are, the lights are dimmed. */
function wordsIn(box, density) {
  const words = place(byId("start-line").getBoundingClientRect(), box, density);
  return { ...words, y: words.y + words.ry * 0.3, rx: words.rx * 1.35, ry: words.ry * 2.1 };
}

function drawRing(ring, { eye, words, colours }) {
  const step = Math.floor(phase);
  const along = ring + (phase - step); // a ring that leaves outside comes again inside
  const radius = eye.rx * 1.04 * GROWTH ** along;
  const number = ring - step; // stays with a ring while it moves
  const depth = Math.min(1, along / 3) * (1 - along / RINGS);
  for (let dot = 0; dot < DOTS; dot += 1) {
    const angle = ((dot + (((number % 2) + 2) % 2) / 2) / DOTS) * 2 * Math.PI;
    const wave = 0.5 + 0.5 * Math.sin(ARMS * angle + number * 0.62 - phase * 1.3);
    const hue = 0.5 + 0.5 * Math.sin(2 * angle - number * 0.21 + phase * 0.37);
    const x = eye.x + Math.cos(angle) * radius - lean.x * along * 5;
    const y = eye.y + Math.sin(angle) * radius - lean.y * along * 5;
    const dim = clamp(Math.hypot((x - words.x) / words.rx, (y - words.y) / words.ry) - 0.55, 0.06, 1);
    const fade = Math.min(1, (1 - y / canvas.height) / FADE);
    const strength = (0.04 + 0.62 * wave ** 4) * depth * dim * fade;
    if (strength < 0.012) continue;
    context.fillStyle = `rgb(${colours[Math.min(3, Math.floor(hue * 4))]} / ${strength})`;
    context.beginPath();
    context.arc(x, y, radius * 0.034 * (0.5 + 0.75 * wave), 0, 2 * Math.PI);
    context.fill();
  }
}
