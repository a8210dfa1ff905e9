(function () {
  const byId = (id) => document.getElementById(id);
  const stage = byId("stage"), one = byId("one"), two = byId("two");
  const choices = { a: byId("a"), b: byId("b") };
  const modes = Array.from(document.querySelectorAll('[name="mode"]'));

  // The zoom's buttons.

  byId("in").addEventListener("click", () => lens.to(lens.zoom() * 1.5));
  byId("out").addEventListener("click", () => lens.to(lens.zoom() / 1.5));
  byId("fit").addEventListener("click", () => lens.to(1));
  byId("full").addEventListener("click", () => lens.to(lens.full(one)));
  lens.onChange((zoom) => {
    const share = zoom / lens.full(one);
    byId("scale").textContent = zoom === 1 ? "fit" : Math.round(share * 100) + " %";
    document.documentElement.classList.toggle("pixels", share > 2);
  });

  // Two pictures.

  const named = (choice) => choice.selectedOptions[0].textContent;
  let flipped = false;

  function tell() {
    const mode = stage.dataset.mode, a = "A: " + named(choices.a), b = "B: " + named(choices.b);
    byId("said-one").textContent = {
      sides: a, flicker: flipped ? b : a, wipe: b + ", from the left; " + a,
      difference: named(choices.b) + " less " + named(choices.a) + "; grey is no difference",
    }[mode];
    byId("said-two").textContent = b;
  }

  function choose() {
    for (const [key, where] of [["a", [one.querySelector(".a img")]], ["b", [one.querySelector(".b img"), two.querySelector("img")]]]) {
      for (const picture of where) {
        picture.src = choices[key].value;
        picture.alt = named(choices[key]);
      }
    }
    tell();
  }

  function flip(on) {
    flipped = on;
    stage.classList.toggle("flipped", on);
    tell();
  }

  function setMode(mode) {
    stage.dataset.mode = mode;
    for (const each of ["flicker", "wipe", "difference"]) byId("more-" + each).hidden = each !== mode;
    flip(false);
  }

  choices.a.addEventListener("change", choose);
  choices.b.addEventListener("change", choose);
  byId("swap").addEventListener("click", () => {
    [choices.a.selectedIndex, choices.b.selectedIndex] = [choices.b.selectedIndex, choices.a.selectedIndex];
    choose();
  });
  modes.forEach((mode) => mode.addEventListener("change", () => setMode(mode.value)));

  function held(button, begin, end) {
    button.addEventListener("pointerdown", () => begin());
    button.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") { event.preventDefault(); begin(); }
    });
    for (const kind of ["pointerup", "pointercancel", "pointerleave", "blur", "keyup"]) button.addEventListener(kind, () => end());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  held(byId("flick"), () => flip(true), () => flip(false));
  for (const frame of [one, two]) {
    frame.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      if (stage.dataset.mode !== "flicker") {
        modes.find((mode) => mode.value === "flicker").checked = true;
        setMode("flicker");
        one.focus({ preventScroll: true });
      }
      flip(true);
    });
    frame.addEventListener("keyup", () => flip(false));
    frame.addEventListener("blur", () => flip(false));
  }
  byId("wipe").addEventListener("input", (event) => stage.style.setProperty("--wipe", event.target.value + "%"));
  byId("gain").addEventListener("input", (event) => {
    const gain = Math.pow(2, event.target.value);
    stage.style.setProperty("--gain", 2 * gain);  // half of the difference is what lies there
    byId("gain-word").textContent = (gain < 10 ? gain.toFixed(1).replace(/\.0$/, "") : Math.round(gain)) + "×";
  });
  document.querySelectorAll(".choose").forEach((button) => button.addEventListener("click", () => {
    choices[button.dataset.as].value = button.dataset.file;
    choose();
    byId("compare").scrollIntoView({ block: "start" });
  }));

  // One picture in the place of all, or taken from all.

  const wall = byId("all");
  const shown = Array.from(document.querySelectorAll('[name="show"]'));

  function against(file) {
    wall.classList.toggle("change", file !== "");
    if (file) wall.style.setProperty("--other", "url('" + file + "')");
  }

  shown.forEach((choice) => choice.addEventListener("change", () => against(choice.value)));
  document.querySelectorAll(".hold").forEach((button) => held(button, () => {
    against("");
    wall.style.setProperty("--other", "url('" + button.dataset.file + "')");
    wall.classList.add("instead");
  }, () => {
    wall.classList.remove("instead");
    against(shown.find((choice) => choice.checked).value);
  }));

  // Command lines, and the table.

  document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", () => copy(button.dataset["full" + shell], button)));

  const keyOf = (row, column) => {
    const cell = row.children[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const order = (one, two) => typeof one === "number" && typeof two === "number" ? one - two : String(one).localeCompare(String(two), "en", { numeric: true });

  document.querySelectorAll(".sortable thead th").forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    head.parentElement.querySelectorAll("th").forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = Array.from(body.rows).sort((first, second) => order(keyOf(first, column), keyOf(second, column)));
    body.append(...(down ? rows.reverse() : rows));
  }));

  choose();
})();
