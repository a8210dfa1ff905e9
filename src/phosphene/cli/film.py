"""The commands `film` and `zoom`, and films made again. They load torch only when run."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phosphene.cli import configuration, factory, options, progress, resuming
from phosphene.cli.options import OutputOptions, file_flag
from phosphene.cli.progress import Console, Interruption
from phosphene.errors import SettingsError
from phosphene.recipes.fields import LOOK, Settings, ValueDict, Values
from phosphene.techniques import DREAM, STYLE, Technique

if TYPE_CHECKING:
    from phosphene.ascent import Step
    from phosphene.films.making import Film, MadeFilm, Progress
    from phosphene.records.record import Record

_TOLD, _PART = 3, 20  # frames, or one part in so many, after which it is known how long a film takes

_KEPT = 30  # frames of which there are pixels on the disk, and what the next one needs

_written = options.together(
    options.output_flags(
        "a film, as walk.mp4, .mov, .mkv, .webm, .gif, .webp, .png; without a suffix, a folder of pictures",
        "1 to 100  [85]",
    ),
    file_flag("--codec", metavar="NAME", help="h264, h265, av1, vp9, ffv1 or prores  [the usual one of the suffix]"),
    file_flag("--fps", type=float, metavar="X", help="frames a second  [the film's own; 24 for a folder or a zoom]"),
    options.max_pixels,
)
_shrunk = partial(file_flag, "--long-side", type=click.IntRange(16), metavar="N")


def _settings(*of: type[Settings]) -> Callable[[options.Function], options.Function]:
    return options.together(options.looks(DREAM), options.config, options.settings(*of))


@click.command(cls=options.Grouped, short_help="Makes films of dreams, or of paintings.")
@click.argument("film", metavar="FILM", shell_complete=configuration.files)
@_written
@file_flag("--from", "begin", type=float, default=0.0, metavar="SECONDS", help="begin so many seconds into the film")
@file_flag("--to", "end", type=float, metavar="SECONDS", help="end so many seconds into the film")
@_shrunk(help="shrink frames first, to so many pixels of their longer side")
@_settings(DREAM.settings, STYLE.settings)
def film(film: str, begin: float, end: float | None, **flags: Any) -> int:
    """Dreams upon every frame of FILM, so that what grew on a thing stays there, and writes film-dream.mp4.

    FILM is a video, an animated GIF, WebP or PNG, or a folder of numbered pictures. With --style PICTURE or --filter
    NAME it is repainted instead. Sound, subtitles and chapters go along. A number may change over time: --strength
    "0:0, 5:1" goes from 0 to 1 within five seconds, --strength "loud:0.3..1.5" follows the sound.
    """
    out = OutputOptions.take_(flags)
    own = {name: flags.pop(name) for name in ("codec", "fps", "long_side", "max_pixels", "config")}
    films, technique, values = _requested(own.pop("config"), flags)
    output = _output(out, films.film_output(Path(film), technique.name))
    read = films.FilmOptions(begin, end, quality=_quality(), **_given(own))
    return _make(film, output, partial(films.prepare_film, film, output, values, read), out)


@click.command(cls=options.Grouped, short_help="Makes an endless flight into a picture.")
@click.argument("picture", metavar="PICTURE", shell_complete=configuration.pictures)
@_written
@_shrunk(help="pixels of a frame's longer side  [1280, or the picture's]")
@file_flag("--size", metavar="WxH", help="size of a canvas, in pixels  [768x512]")
@file_flag("--seconds", type=float, metavar="X", help="how long the film is  [10]")
@options.flag(
    "--speed", type=float, group=LOOK, metavar="X", help="how many times larger all becomes in a second  [1.3]"
)
@options.flag("--turn", type=float, group=LOOK, metavar="X", help="turn so many degrees a second, clockwise  [0]")
@options.flag(
    "--towards", group=LOOK, metavar="X,Y", help="the point to fly to, as shares of width and height  [0.5,0.5]"
)
@options.flag("--backwards", is_flag=True, group=LOOK, help="fly out of the picture")
@options.flag("--loop", is_flag=True, group=LOOK, help="end where the film begins, so that it can repeat")
@_settings(DREAM.settings)
def zoom(picture: str, **flags: Any) -> int:
    """Flies into PICTURE without end: new forms grow out of the old ones. Writes photo-zoom.mp4 beside photo.jpg.

    PICTURE is a file or a canvas: clouds, noise, grey, dahlias, feathers, shells, windows. Looks may change on the way:
    --preset "0:coils, 8:reef".
    """
    out = OutputOptions.take_(flags)
    own = {name: flags.pop(name) for name in ("codec", "long_side", "max_pixels", "config", "size")}
    names = ("seconds", "fps", "speed", "turn", "towards", "backwards", "loop")
    way = _given({name: flags.pop(name) for name in names})
    if "towards" in way:
        way["towards"] = _place(way["towards"])
    films, _, values = _requested(own.pop("config"), flags, DREAM)
    from phosphene.cli.jobs import canvas_size

    size = canvas_size(own.pop("size"))
    output = _output(out, films.film_output(Path(picture), films.ZOOM))
    written, flight = films.FilmOptions(quality=_quality(), **_given(own)), films.ZoomOptions(**way)
    prepared = partial(films.prepare_zoom, picture, output, values, flight, written, canvas=size)
    return _make(picture, output, prepared, out)


def redo(source: str, input_: str | None, changes: Values, out: OutputOptions, max_pixels: int) -> int:
    """Makes a film again from its record; returns the exit code."""
    from phosphene import batch

    path, again = Path(source), _films("again")
    output = _output(out, batch.again(path, path.suffix))
    prepared = partial(again.prepare_again, path, output, image=input_, changes=changes, max_pixels=max_pixels)
    return _make(source, output, prepared, out)


def record_of(name: str) -> "Record":
    """The record inside a film."""
    found: Record = _films("again").read(Path(name))
    return found


def is_film(name: str) -> bool:
    """Whether a name is that of a film, or a folder; nothing is loaded for a picture."""
    from phosphene.films import formats  # which needs neither PyAV nor torch

    return formats.is_film(name) or Path(name).is_dir()


def _films(module: str = "functions") -> Any:
    from phosphene.run.extras import films

    return films(module)


def _requested(
    config: str | None, flags: ValueDict, technique: Technique | None = None
) -> tuple[Any, Technique, Values]:
    """The films' functions, the technique, and its settings by the user's file, a named one and the flags."""
    looks = {name: value for name in DREAM.looks if (value := flags.pop(name)) is not None}
    typed = options.given(flags, *([technique.settings] if technique else [DREAM.settings, STYLE.settings])) | looks
    films = _films()
    technique = technique or films.technique_of(typed)
    return films, technique, configuration.requested(technique, config, typed)


def _quality() -> int | None:
    """The quality that was typed: the default of pictures is none of films."""
    context = click.get_current_context()
    typed = context.get_parameter_source("quality") is not click.core.ParameterSource.DEFAULT
    return context.params["quality"] if typed else None


def _given(values: ValueDict) -> ValueDict:
    return {name: value for name, value in values.items() if value is not None}


def _place(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"--towards is {text!r}; it takes two numbers from 0 to 1, as 0.5,0.3.") from None


def _output(out: OutputOptions, usual: Path) -> Path:
    """Where the film goes: what `-o` names, or a free name like the usual one, in the folder that it names."""
    if out.output == "-":
        raise SettingsError("-o - is for pictures; a film is written into a file. Name it: -o film.mp4")
    from phosphene.batch import numbered

    path = usual if out.output is None else Path(out.output)
    if out.output is not None:
        if not (out.output.endswith("/") or (path.is_dir() and not _begun(path))):
            return path
        path /= usual.name
    return path if out.force else next(name for name in numbered(path) if _begun(name) or not name.exists())


def _begun(output: Path) -> bool:
    from phosphene.batch import begun

    return begun(output)


def _make(name: str, output: Path, prepare: Callable[..., "Film"], out: OutputOptions) -> int:
    """Makes a film with a bar; Ctrl-C writes what there is. Returns the exit code."""
    from phosphene.cli import process
    from phosphene.films.making import FilmRun
    from phosphene.films.outputs import check_output, check_preview
    from phosphene.records.journal import folder_of
    from phosphene.run.checkpoint import CheckpointOptions

    console, preview = (
        Console(out.quiet, out.json),
        Path(out.preview) if out.preview else None,
    )
    if out.output or output.parent.is_dir():  # else it is the input that is not there, which will be said
        check_output(output, overwrite=out.force)
    resuming.check([output])
    begun = _begun(output) and not out.force
    if preview:
        check_preview(preview, output, [Path(name)], overwrite=True)  # more is known when the film is ready
    if note := process.choose_threads(out.threads):
        console.say(note)
    started, command = time.monotonic(), click.get_current_context().find_root().meta[factory.ARGUMENTS]
    with Interruption() as stop, progress.bar(name, quiet=out.quiet) as bar:
        watch = _Watch(bar, stop, console)
        film = watch.film = prepare(on_step=watch.step)
        process.tune_malloc(film.size)
        if begun:
            console.say(f"{output}: goes on where it stopped")
        keep = CheckpointOptions(folder_of(output), resuming.facts(output, command), anew=out.force)
        if preview:
            check_preview(preview, output, film.read, overwrite=out.force)
        run = FilmRun(film, output, keep, out.force or begun, out.metadata, preview, watch.frame)
        with stop.dreaming():
            made = run.make()
        _report(name, made, console, time.monotonic() - started)
        return stop.exit_code


class _Watch:
    """Moves the bar with every step and frame, and says once how long the film will take."""

    def __init__(self, bar: progress.Bar, stop: Interruption, console: Console) -> None:
        self.film: Film | None = None
        self._bar, self._stop, self._console = bar, stop, console
        self._frames, self._made, self._began = 0, 0, 0.0

    def step(self, step: "Step") -> None:
        """A step of a frame."""
        self._stop.check()
        self._move(step.done)

    def frame(self, done: "Progress") -> None:
        """A frame is made."""
        self._stop.check()
        self._frames, self._made = done.frames, self._made + 1
        self._began = self._began or time.monotonic()
        if done.count and self._made == max(_TOLD, done.count // _PART) and done.count > done.frames:
            each = (time.monotonic() - self._began) / (self._made - 1)  # the first frame takes longer than the others
            self._console.say(_forecast(done, each))
        self._move(0)

    def _move(self, share: float) -> None:
        count = self.film.count if self.film else None
        total = max(count or 0, self._frames + 1)
        self._bar.move((self._frames + share) / total, f"frame {self._frames + 1}/{count or '?'}")


def _forecast(done: "Progress", each: float) -> str:
    """What a film will take, after its first frames, with so many seconds for each."""
    from phosphene.cli.runner import spoken

    height, width = done.size
    count = done.count or done.frames
    disk = min(count, _KEPT) * 3 * height * width + count * height * width // 8
    return (
        f"{count} frames of {width}×{height}, {each:.1f} s each: about {spoken(each * count)},"
        f" {disk / 1e6:,.0f} MB of disk"
    )


def _report(name: str, made: "MadeFilm", console: Console, seconds: float) -> None:
    from phosphene.cli.runner import spoken

    for note in made.notes:
        console.say(f"{name}: {note}")
    height, width = made.size
    if made.record.complete:
        console.say(f"{made.path}: {made.frames} frames of {width}×{height} in {spoken(seconds)}")
    else:
        console.say(f"Stopped at {made.record.reached}, after {spoken(seconds)}. What there was is in {made.path}")
        console.say(f"The rest of it: phosphene resume {made.path}")
    facts: dict[str, object] = {"input": name, "output": str(made.path), "seconds": round(seconds, 3)}
    told = {"complete": made.record.complete, "notes": list(made.notes), "record": json.loads(made.record.to_json())}
    console.tell(facts | told)
