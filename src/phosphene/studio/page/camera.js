// A photograph from the camera, where there is one.

import { makeDialog } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { openFile } from "./opening.js";
import { complain } from "./toasts.js";

export const cameraExists = () => Boolean(navigator.mediaDevices?.getUserMedia);

let sheet = null;
let stream = null;
const video = el("video", {
  autoplay: true,
  playsinline: true,
  class: "camera",
  "aria-label": "What the camera sees",
});

export async function openCamera() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1920 }, facingMode: "environment" },
    });
  } catch {
    complain({ message: "There is no camera that may be used.", hint: "Allow it in the browser, or choose a file." });
    return;
  }
  sheet ??= make();
  video.srcObject = stream;
  sheet.open();
}

function make() {
  const made = makeDialog("camera-dialog", "Camera", "narrow");
  made.body.append(video);
  made.foot.append(
    el("button", { type: "button", class: "primary", onclick: take }, icon("camera"), "Take the picture"),
  );
  made.dialog.addEventListener("close", () => stream?.getTracks().forEach((track) => track.stop()));
  return made;
}

async function take() {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  sheet.close();
  openFile(new File([blob], "camera.png", { type: "image/png" }));
}
