// The socket of an open picture: frames and events in, the brush's points out. Reconnects by itself.

import { urls } from "./api.js";

const FIRST_WAIT = 300;
const LONGEST_WAIT = 5000;

/** Splits a binary message into its header and the picture's bytes. */
export function parseFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, bytes: new Uint8Array(buffer, 4 + length) };
}

export class Live {
  #socket = null;
  #id = null;
  #wait = FIRST_WAIT;
  #wasOpen = false;
  #timer = 0;
  #hear;

  /** `hear` has opened(), closed(whether it was open), frame(header, bytes) and event(message). */
  constructor(hear) {
    this.#hear = hear;
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  connect(id) {
    this.leave();
    this.#id = id;
    this.#wait = FIRST_WAIT;
    this.#begin();
  }

  leave() {
    clearTimeout(this.#timer);
    this.#id = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  send(message) {
    if (this.open) this.#socket.send(JSON.stringify(message));
    return this.open;
  }

  #begin() {
    const socket = new WebSocket(urls.live(this.#id));
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const mine = (act) => (event) => this.#socket === socket && act(event);
    socket.addEventListener(
      "open",
      mine(() => this.#opened()),
    );
    socket.addEventListener(
      "message",
      mine((event) => this.#message(event.data)),
    );
    socket.addEventListener(
      "close",
      mine(() => this.#closed()),
    );
  }

  #opened() {
    this.#wait = FIRST_WAIT;
    this.#wasOpen = true;
    this.#hear.opened();
  }

  #closed() {
    const wasOpen = this.#wasOpen;
    this.#wasOpen = false;
    this.#timer = setTimeout(() => this.#begin(), this.#wait);
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 1.7);
    this.#hear.closed(wasOpen);
  }

  #message(data) {
    if (typeof data === "string") {
      this.#hear.event(JSON.parse(data));
      return;
    }
    const { header, bytes } = parseFrame(data);
    this.#hear.frame(header, bytes);
  }
}
