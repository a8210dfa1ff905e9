// One zoom for all frames: what part of the picture is seen is three numbers, which the style sheet reads.
const lens = (function () {
  const MOST = 40;
  const root = document.documentElement;
  const frames = Array.from(document.querySelectorAll(".frame"));
  const listeners = [];
  let zoom = 1, x = 0, y = 0;  // the picture's upper left corner, in frames: 0 to 1 - zoom

  function show() {
    zoom = Math.min(MOST, Math.max(1, zoom));
    x = Math.min(0, Math.max(1 - zoom, x));
    y = Math.min(0, Math.max(1 - zoom, y));
    root.style.setProperty("--zoom", zoom);
    root.style.setProperty("--x", x * 100);
    root.style.setProperty("--y", y * 100);
    root.classList.toggle("near", zoom > 1);
    for (const listen of listeners) listen(zoom);
  }

  // Around a place in the frame, 0 to 1, which stays where it is.
  function to(next, across = 0.5, down = 0.5) {
    next = Math.min(MOST, Math.max(1, next));
    x = across - (across - x) * next / zoom;
    y = down - (down - y) * next / zoom;
    zoom = next;
    show();
  }

  function move(across, down) {
    x += across;
    y += down;
    show();
  }

  // The zoom at which one pixel of the picture is one of the screen.
  function full(frame) {
    const picture = frame.querySelector("img");
    return (picture.naturalWidth || frame.clientWidth) / (frame.clientWidth * (window.devicePixelRatio || 1));
  }

  function place(frame, event) {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function listen(frame) {
    const held = new Map();
    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      held.set(event.pointerId, event);
      if (zoom > 1 || held.size > 1) frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener("pointermove", (event) => {
      if (!held.has(event.pointerId)) return;
      const before = Array.from(held.values());
      held.set(event.pointerId, event);
      const after = Array.from(held.values());
      const box = frame.getBoundingClientRect();
      const middle = (events, key) => events.reduce((sum, each) => sum + each[key], 0) / events.length;
      const apart = ([one, two]) => Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
      if (after.length === 2) {
        const across = (middle(after, "clientX") - box.left) / box.width;
        const down = (middle(after, "clientY") - box.top) / box.height;
        to(zoom * apart(after) / Math.max(1, apart(before)), across, down);
      }
      move((middle(after, "clientX") - middle(before, "clientX")) / box.width,
        (middle(after, "clientY") - middle(before, "clientY")) / box.height);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      frame.addEventListener(end, (event) => held.delete(event.pointerId));
    }
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      to(zoom * Math.exp(-event.deltaY / 200), ...place(frame, event));
    }, { passive: false });
    frame.addEventListener("dblclick", (event) => {
      const near = Math.max(2, full(frame));
      to(zoom > 1.01 ? 1 : near, ...place(frame, event));
    });
    frame.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const far = 0.1;
      const keys = {
        "+": () => to(zoom * 1.25), "=": () => to(zoom * 1.25), "-": () => to(zoom / 1.25), "0": () => to(1),
        "1": () => to(full(frame)), ArrowLeft: () => move(far, 0), ArrowRight: () => move(-far, 0),
        ArrowUp: () => move(0, far), ArrowDown: () => move(0, -far),
      };
      if (!keys[event.key] || (event.key.startsWith("Arrow") && zoom === 1)) return;
      event.preventDefault();
      keys[event.key]();
    });
  }

  frames.forEach(listen);
  return { to, full, zoom: () => zoom, onChange: (listener) => { listeners.push(listener); listener(zoom); } };
})();
