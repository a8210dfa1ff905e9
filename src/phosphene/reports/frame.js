"use strict";
// What a line for this system's shell is called among the data of its element.
const system = (navigator.userAgentData && navigator.userAgentData.platform) || navigator.platform || "";
const shell = /^win/i.test(system) ? "Windows" : "";

// Copying, with an answer.

function copy(text, button) {
  const said = button.dataset.says || (button.dataset.says = button.textContent);
  const answer = (words) => {
    button.textContent = words;
    button.classList.toggle("done", words === "Copied");
    clearTimeout(button.timer);
    button.timer = setTimeout(() => {
      button.textContent = said;
      button.classList.remove("done");
    }, 1600);
  };
  const byHand = () => {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    (button.closest("dialog") || document.body).append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    button.focus();
    if (worked) answer("Copied");
    else window.prompt("Copy this line:", text);
  };
  if (navigator.clipboard && window.isSecureContext) {
    navigator.clipboard.writeText(text).then(() => answer("Copied"), byHand);
  } else {
    byHand();
  }
}
