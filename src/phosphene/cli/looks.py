"""Looks that are passed on: the settings of a picture, kept under a name or in a small file of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from phosphene.cli import configuration
from phosphene.cli.options import flag
from phosphene.cli.progress import Console
from phosphene.cli.tables import as_json, print_json, table
from phosphene.errors import RecordError, SettingsError, UnknownNameError, nearest
from phosphene.names import CANVASES, GUIDES, LOOK_NAME
from phosphene.recipes.fields import SPEED, Settings, ValueDict, Values, described
from phosphene.recipes.settings import PRESETS
from phosphene.recipes.style_settings import weighted
from phosphene.techniques import TECHNIQUES, Technique
from phosphene.techniques.looks import PLACES, about_of, folder, kept, shareable, written

_PREVIEW = 96  # pixels of a preview's long side


def like(technique: Technique, named: str, typed: Values) -> ValueDict:
    """The settings of a look: of a picture that the program made, of a look's file, or of a look that is kept.

    Args:
        technique: whose settings they are to be.
        named: the picture, the file or the name.
        typed: the settings that were typed; a program that the look names runs only where the model is among them.

    Raises:
        UnknownNameError: there is none.
        SettingsError: it is the look of another technique, or its file is damaged.
        PhospheneError: the picture does not say how it was made, or uses pictures that are not beside it.
    """
    path = _path(named)
    if path.suffix.lower() != ".toml":
        return _of_picture(technique, path, typed)
    of = configuration.techniques_in(path)
    if of and technique.name not in of:
        raise SettingsError(_for_others(named, TECHNIQUES[of[0]]))
    return configuration.read_file(technique, path, typed)


def _path(named: str) -> Path:
    if Path(named).is_file():
        return Path(named)
    known = kept()
    if named in known:
        return known[named]
    if named in PRESETS:
        raise UnknownNameError(f"{named!r} is a preset. It is: --preset {named}")
    raise UnknownNameError(
        f"There is no picture, no look's file and no look of yours called {named!r}.{nearest(named, known)}\n"
        "phosphene looks lists yours."
    )


def _for_others(named: str, technique: Technique) -> str:
    return f"{named} is one of the {technique.plural}. It is: phosphene {technique.name} PICTURE --like {named}"


def _of_picture(technique: Technique, path: Path, typed: Values) -> ValueDict:
    """The settings of a picture's record, but those of its places and of the machine that made it."""
    from phosphene.records import record
    from phosphene.run.again import recorded

    made = record.read(path)
    if made.recipe not in TECHNIQUES:
        raise SettingsError(f"{path} was made by phosphene {made.recipe}, which has no one look.")
    if made.recipe != technique.name:
        raise SettingsError(_for_others(str(path), TECHNIQUES[made.recipe]))
    then, _ = recorded(made, technique, path.resolve().parent, typed)
    known = described(technique.settings)
    found = {name: value for name, value in then.items() if name in known and name not in PLACES}
    shown = {name: value for name, value in found.items() if known[name].group != SPEED and name != "seed"}
    return _with_pictures(technique.settings, shown, path.resolve().parent)


def _with_pictures(of: type[Settings], values: Values, folder: Path) -> ValueDict:
    """The values of a record, whose pictures lie in its folder or beneath it, with the paths of these.

    Raises:
        RecordError: one is not there, or lies within words.
        SettingsError: an impossible value.
    """
    from phosphene.pixels.canvases import is_canvas
    from phosphene.records.record import beside
    from phosphene.techniques.engine import pictures_by_setting

    known, chosen = described(of), of.of(values)
    for setting, name in pictures_by_setting(chosen):
        if known[setting].holds not in ("picture", "weighted picture"):
            raise RecordError(f"It was made with {name!r}, by {setting}; such a look cannot be taken from a picture.")

    def path(word: str, kind: str) -> str:
        name, weight = weighted(word) if kind == "weighted picture" else (word, 1.0)
        if is_canvas(name):
            return word
        found = beside(folder, name)
        if found is None:
            raise RecordError(f"It was made with {name!r}, which is not in {folder}. Put it there.")
        return str(found) + (f":{weight:g}" if weight != 1 else "")

    def whole(name: str, value: Any) -> Any:
        kind = known[name].holds
        if kind not in ("picture", "weighted picture") or value is None:
            return value
        return tuple(path(word, kind) for word in value) if isinstance(value, (list, tuple)) else path(value, kind)

    return {name: whole(name, value) for name, value in values.items()}


def _whole(technique: Technique, look: Values) -> ValueDict:
    """All settings of a look, of a preset or recipe that it names, too; but those of places and of the machine."""
    return shareable(technique, technique.chosen(look).to_dict())


def _looked_at(named: str) -> tuple[Technique, ValueDict, str, str | None]:
    """The technique, the settings, the line for the painter and the preview of a look that is to be passed on.

    Raises:
        PhospheneError: there is none, or it uses pictures, which a look's file cannot hold.
    """
    if named in PRESETS and not Path(named).is_file():
        dream = TECHNIQUES["dream"]
        return dream, dream.choose(preset=named).to_dict(), PRESETS[named].about, None
    path = _path(named)
    if path.suffix.lower() == ".toml":
        names = configuration.techniques_in(path)
        technique = TECHNIQUES[names[0] if names else "dream"]
        told = configuration.toml(path).get("look", {})
        told = told if isinstance(told, dict) else {}
        about, preview = str(told.get("about", f"out of {path.name}")), told.get("preview")
        return technique, configuration.read_file(technique, path, {}), about, preview if _is_preview(preview) else None
    from phosphene.records import record

    technique = TECHNIQUES.get(record.read(path).recipe, TECHNIQUES["dream"])
    return technique, like(technique, named, {}), f"as {path.name}, one of the {technique.plural}", _preview(path)


def _is_preview(preview: object) -> bool:
    return isinstance(preview, str) and preview.startswith("data:image/webp;base64,") and len(preview) < 100_000


def _preview(path: Path) -> str:
    import base64

    from phosphene import images
    from phosphene.images.writing import encode

    data, _ = encode(images.load(path, long_side=_PREVIEW).pixels, "webp", quality=80)
    return "data:image/webp;base64," + base64.b64encode(data).decode()


def _keep(named: str, path: Path, *, force: bool) -> Technique:
    """Writes a look's file; gives whose look it is. Raises `SettingsError`: it uses pictures, which lie elsewhere."""
    from phosphene.images.sources import refuse, write_atomically
    from phosphene.techniques.engine import pictures_by_setting

    technique, look, about, preview = _looked_at(named)
    if technique.takes == "words":
        raise SettingsError(f"{named} is one of the {technique.plural}, which have no look; it is made again by redo.")
    whole = _whole(technique, look)
    if used := pictures_by_setting(technique.settings.of(whole)):
        setting, name = used[0]
        raise SettingsError(
            f"{named} uses a picture, --{setting} {name}, and a look's file holds settings alone.\n"
            f"Pass on the pictures: phosphene {technique.name} PICTURE --like {named}"
        )
    refuse(path, overwrite=force)
    write_atomically(path, written(technique, whole, about, preview).encode("utf-8", "replace"), overwrite=force)
    return technique


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def looks(context: click.Context, as_json: bool) -> None:
    """Lists all looks, and passes them on: presets, filters and your own.

    A look of yours is used by --like NAME; so is a picture that the program made: --like friend.png.
    """
    if context.invoked_subcommand:
        return
    from phosphene.filters import library

    rows = [{"flag": "--preset", "name": each.name, "about": each.about} for each in PRESETS.values()]
    rows += [{"flag": "style --filter", "name": name, "about": library.read(name).about} for name in library.names()]
    rows += [{"flag": "--guide", "name": name, "about": CANVASES[name]} for name in GUIDES]
    yours = {name: about_of(configuration.toml(path)) for name, path in kept().items()}
    rows += [{"flag": "--like", "name": name, "about": about} for name, about in yours.items()]
    if as_json:
        print_json(rows)
        return
    table(("flag", "name", "about"), [tuple(row.values()) for row in rows])
    Console().say(f"Looks of yours lie in {folder()}")


@looks.command(name="import")
@click.argument("look", metavar="PICTURE|FILE")
@flag("--name", metavar="NAME", help="what it is called here  [the file's name]")
@flag("--force", is_flag=True, help="replace the look of that name")
def import_(look: str, name: str | None, force: bool) -> None:
    """Keeps the look of a picture, or of a look's file, for --like NAME."""
    called = name or Path(look).stem.lower()
    if not LOOK_NAME.fullmatch(called):
        raise SettingsError(f"{called!r} cannot be a look's name; use small letters, digits, - and _: --name night-sea")
    if called in PRESETS:
        raise SettingsError(f"{called!r} is a preset. Choose another name: --name my-{called}")
    folder().mkdir(parents=True, exist_ok=True)
    technique = _keep(look, folder() / f"{called}.toml", force=force)
    Console().say(f"It is kept: phosphene {technique.name} PICTURE --like {called}")


@looks.command()
@click.argument("look", metavar="NAME|PICTURE")
@click.argument("file", metavar="FILE.toml")
@flag("--force", is_flag=True, help="replace the file")
def export(look: str, file: str, force: bool) -> None:
    """Writes a look into a small file, to pass on: a preset, a look of yours, or a picture's."""
    if Path(file).suffix.lower() != ".toml":
        raise SettingsError(f"{file!r} is no name for a look's file; it ends in .toml, as {Path(file).stem}.toml")
    technique = _keep(look, Path(file), force=force)
    Console().say(f"{file}: settings and a small picture. To use it: phosphene {technique.name} PICTURE --like {file}")
