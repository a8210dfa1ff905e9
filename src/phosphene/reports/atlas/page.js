(function () {
  const byId = (id) => document.getElementById(id);
  const views = Array.from(document.querySelectorAll(".view"));
  const cards = Array.from(document.querySelectorAll(".card[data-source]"));
  const box = byId("lightbox"), large = byId("large"), under = byId("under");
  let current = 0;

  const command = (view, kind) => view.dataset[kind + shell] || "";

  document.querySelectorAll(".copy").forEach((button) => {
    button.addEventListener("click", () => copy(command(button.closest(".card").querySelector(".view"), "full"), button));
  });
  byId("copy-full").addEventListener("click", (event) => copy(command(views[current], "full"), event.currentTarget));
  byId("copy-same").addEventListener("click", (event) => copy(command(views[current], "same"), event.currentTarget));

  // The lightbox.

  function show(index) {
    current = (index + views.length) % views.length;
    const view = views[current], picture = view.querySelector("img");
    large.hidden = picture.hidden;
    if (!picture.hidden) large.src = picture.src;
    large.alt = picture.alt;
    const [name, shows] = byId("caption").children;
    name.textContent = view.dataset.name;
    shows.textContent = picture.hidden ? "not dreamt yet" : view.dataset.shows;
    byId("line").textContent = command(view, "full");
    for (const id of ["copy-full", "copy-same", "hold"]) byId(id).hidden = !view.dataset.full;
    compare(false);
  }

  function compare(on) {
    under.hidden = !on;
    large.style.visibility = on ? "hidden" : "";
  }

  views.forEach((view, index) => view.addEventListener("click", () => {
    show(index);
    box.showModal();
    box.focus();
  }));
  byId("back").addEventListener("click", () => show(current - 1));
  byId("on").addEventListener("click", () => show(current + 1));
  byId("close").addEventListener("click", () => box.close());
  box.addEventListener("close", () => {
    compare(false);
    views[current].focus();
    views[current].scrollIntoView({ block: "nearest" });
  });
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowRight") show(current + 1);
    else if (event.key === "ArrowLeft") show(current - 1);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(views.length - 1);
    else if (event.key === "o" || event.key === "O") compare(true);
    else return;
    event.preventDefault();
  });
  box.addEventListener("keyup", () => compare(false));
  const hold = byId("hold");
  hold.addEventListener("pointerdown", () => compare(true));
  hold.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") compare(true); });
  for (const end of ["pointerup", "pointercancel", "pointerleave", "blur"]) hold.addEventListener(end, () => compare(false));
  hold.addEventListener("contextmenu", (event) => event.preventDefault());

  let from = null;
  box.addEventListener("touchstart", (event) => { from = event.touches.length === 1 ? event.touches[0] : null; }, { passive: true });
  box.addEventListener("touchend", (event) => {
    if (!from || !event.target.closest(".stage")) return;
    const right = event.changedTouches[0].clientX - from.clientX, down = event.changedTouches[0].clientY - from.clientY;
    if (Math.abs(right) > 50 && Math.abs(right) > 2 * Math.abs(down)) show(current + (right < 0 ? 1 : -1));
  });

  // The original, in place of all the dreams.

  byId("compare").addEventListener("click", (event) => {
    const on = document.body.classList.toggle("comparing");
    event.currentTarget.setAttribute("aria-pressed", on);
    event.currentTarget.textContent = on ? "Show the dreams" : "Show the original";
  });

  // While the atlas is being made, pictures are exchanged where they stand.

  let waiting = null;

  window.phospheneAtlas = function (state) {
    if (state.plan !== document.body.dataset.plan) {
      if (!box.open) location.reload();
      return;
    }
    cards.forEach((card, index) => {
      const stage = state.stages[index];
      if (!stage || card.dataset.stage === stage) return;
      card.dataset.stage = stage;
      const picture = card.querySelector("img"), source = card.dataset.source + "?" + stage;
      const next = new Image();
      next.onload = () => {
        picture.src = source;
        picture.hidden = false;
        if (box.open && views[current].contains(picture)) { large.src = source; large.hidden = false; }
      };
      next.src = source;
    });
    tell(state);
    if (!state.running) clearInterval(waiting);
  };

  function tell(state) {
    byId("state").hidden = state.done >= 1;
    byId("state-bar").value = state.done;
    byId("state-words").textContent = !state.running ? "not finished: run phosphene atlas again" : left(state.left);
  }

  function left(seconds) {
    if (seconds === null) return "being made";
    if (seconds < 15) return "nearly done";
    return seconds < 90 ? "about " + Math.ceil(seconds / 10) * 10 + " s to go" : "about " + Math.round(seconds / 60) + " min to go";
  }

  function look() {
    if (document.hidden) return;
    const script = document.createElement("script");
    script.src = "state.js?" + Date.now();
    script.onload = script.onerror = () => script.remove();
    document.head.append(script);
  }

  if (document.body.dataset.running === "true") {
    waiting = setInterval(look, 2000);
    look();
  }
})();
