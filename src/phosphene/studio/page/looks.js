// Looks as data: what they are called, when two are the same, and which thumbnail shows them.

const WHICH = ["kind", "preset", "layer", "channel", "filter", "reference"];
const PARTS = [...WHICH, "colour", "scale", "seed"];

export const PHOTOGRAPH = null;
export const USUAL = { dream: 1, style: 0.5 };

export const sameLook = (a, b) => {
  if (!a || !b) return !a && !b;
  return WHICH.every((part) => (a[part] ?? null) === (b[part] ?? null));
};

/** A ground or brush without what is not its look. */
export function lookOf(ground) {
  if (!ground) return null;
  return Object.fromEntries(PARTS.filter((part) => part in ground).map((part) => [part, ground[part]]));
}

/** A look with the colours and the size of forms of the one that was chosen before, unless it says its own. */
export function inMannerOf(before, look) {
  if (look?.kind !== "dream" || before?.kind !== "dream") return look;
  const kept = ["colour", "scale"].filter((part) => !(part in look) && before[part]);
  return { ...look, ...Object.fromEntries(kept.map((part) => [part, before[part]])) };
}

export const preset = (name) => ({ kind: "dream", preset: name });
export const filter = (name) => ({ kind: "style", filter: name });
export const layer = (name) => ({ kind: "dream", layer: name });
export const channel = (name, number) => ({ kind: "dream", layer: name, channel: number });
export const guide = (reference, layerName = null) => ({ kind: "dream", reference, layer: layerName });
export const style = (reference) => ({ kind: "style", reference });

/** The key of the thumbnail that shows a look, or null where a reference's own picture does. */
export function keyOf(look) {
  if (!look || look.reference) return null;
  if (look.preset) return `preset-${look.preset}`;
  if (look.filter) return `filter-${look.filter}`;
  if (look.channel !== undefined) return `channel-${look.layer}-${look.channel}`;
  return look.layer ? `layer-${look.layer}` : null;
}

export const spaced = (name) => name.replaceAll("_", " ");

const nameOfReference = (picture, id) => picture?.references.find((one) => one.id === id)?.name ?? "a picture";

export function nameOf(look, picture) {
  if (!look) return "Photograph";
  if (look.kind === "erase") return "Photograph";
  if (look.preset || look.filter) return spaced(look.preset ?? look.filter);
  const shown = look.reference ? nameOfReference(picture, look.reference) : null;
  if (look.kind === "style") return `as ${shown}`;
  if (shown) return look.layer ? `${shown} at ${look.layer}` : shown;
  return look.channel === undefined ? look.layer : `${look.layer} · ${look.channel}`;
}

/** A line about a look, for a painter. */
export function aboutLook(look, looks, picture) {
  if (!look) return "the photograph as it is; paint dreams into it";
  const among = (list, name) => list.find((one) => one.name === name);
  if (look.preset) return among(looks.presets, look.preset)?.about ?? "";
  if (look.filter) return among(looks.filters, look.filter)?.about ?? "";
  if (look.kind === "style") return `painted as ${nameOfReference(picture, look.reference)} is`;
  if (look.reference) return `shapes of ${nameOfReference(picture, look.reference)}`;
  const shows = among(looks.layers, look.layer)?.shows ?? ""; // not every layer was looked at
  return look.channel === undefined ? shows : `one pattern of ${look.layer}${shows && `: ${shows}`}`;
}
