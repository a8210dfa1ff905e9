// Whether somebody works with the keyboard just now. The browser's :focus-visible guesses otherwise for a canvas
// that a script focuses.

const body = document.body;
const MOVES = ["Tab", "Enter", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

export const byKeyboard = () => body.hasAttribute("data-keyboard");

export function startModality() {
  const pressed = ({ key }) => MOVES.includes(key) && body.toggleAttribute("data-keyboard", true);
  addEventListener("keydown", pressed, true);
  addEventListener("pointerdown", () => body.toggleAttribute("data-keyboard", false), true);
}
