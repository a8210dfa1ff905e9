// Dark or light: as the system wishes, until somebody chooses here.

const KEPT = "phosphene.theme";
const wished = () => (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");

export function startTheme() {
  const kept = localStorage.getItem(KEPT);
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
}

export function toggleTheme() {
  const now = document.documentElement.dataset.theme ?? wished();
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(KEPT, next);
}
