// The server's words for the page, and its errors as sentences.

export class ApiError extends Error {
  constructor(message, hint, status) {
    super(message);
    this.hint = hint;
    this.status = status;
  }
}

export const LOCKED = "The studio was started again since this page was opened.";
export const LOCKED_HINT = "Your painting is saved: open the address that the terminal shows now.";
const UNREACHABLE = "Start it again in the terminal with: phosphene studio";

async function request(method, path, body, type) {
  let response;
  try {
    response = await fetch(path, { method, body, headers: type ? { "content-type": type } : {} });
  } catch {
    throw new ApiError("The studio does not answer.", UNREACHABLE, 0);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  const told = await response.json().catch(() => ({}));
  if (response.status === 401) return new ApiError(LOCKED, LOCKED_HINT, 401); // the server speaks to programs
  const fallback = `The studio answered ${response.status}.`;
  return new ApiError(told.error ?? fallback, told.hint ?? "Try it again.", response.status);
}

const json = async (method, path, value) => {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const response = await request(method, path, body, body && "application/json");
  return response.status === 204 ? null : response.json();
};

const named = (path, name) => `${path}?name=${encodeURIComponent(name)}`;
const of = (id) => `/api/pictures/${id}`;
const upload = async (path, file, name) =>
  (await request("POST", named(path, name), file, "application/octet-stream")).json();

export const urls = {
  view: (id) => `${of(id)}/view.webp`,
  photograph: (id) => `${of(id)}/photograph.webp`,
  regions: (id) => `${of(id)}/regions.webp`,
  segments: (id) => `${of(id)}/segments.webp`,
  thumbnail: (id, changed) => `${of(id)}/thumbnail.webp?at=${encodeURIComponent(changed)}`,
  look: (id, key) => `${of(id)}/thumbnails/${encodeURIComponent(key)}.webp`,
  reference: (id, reference) => `${of(id)}/references/${reference}.webp`,
  guide: (name) => `/api/guides/${name}.webp`,
  folder: (number) => `/api/folder/${number}.webp`,
  result: (job) => `/api/jobs/${job}/result`,
  painting: (id) => `${of(id)}/painting.phosphene`,
  live: (id) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${of(id)}/live`,
};

export const api = {
  looks: () => json("GET", "/api/looks"),
  pictures: () => json("GET", "/api/pictures"),
  folder: () => json("GET", "/api/folder"),
  open: (file, name) => upload("/api/pictures", file, name),
  keepLook: (file, name) => upload("/api/looks", file, name),
  unpack: (file, name) => upload("/api/paintings", file, name),
  make: (what) => json("POST", "/api/pictures", what),
  state: (id) => json("GET", of(id)),
  forget: (id) => json("DELETE", of(id)),
  ground: (id, ground) => json("PUT", `${of(id)}/ground`, ground),
  adjust: (id, wish) => json("POST", `${of(id)}/adjustments`, wish),
  undo: (id) => json("POST", `${of(id)}/undo`),
  redo: (id) => json("POST", `${of(id)}/redo`),
  refer: (id, file, name) => upload(`${of(id)}/references`, file, name),
  thumbnails: (id, set, layer) => json("POST", `${of(id)}/thumbnails`, layer ? { set, layer } : { set }),
  variations: (id, look, seeds) => json("POST", `${of(id)}/variations`, { look, seeds }),
  rank: (id, reference) => json("POST", `${of(id)}/rankings`, { reference }),
  render: (id, format, longSide) => json("POST", `${of(id)}/renders`, { format, long_side: longSide }),
  film: (id, wish) => json("POST", `${of(id)}/films`, wish),
  cancel: (job) => json("DELETE", `/api/jobs/${job}`),
  command: (id) => json("GET", `${of(id)}/command`),
  blob: async (url) => (await request("GET", url)).blob(),
};
