"""Pictures made again from their records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from phosphene import batch, run
from phosphene.batch import Input, Job
from phosphene.cli import resuming
from phosphene.cli.jobs import check_preview, check_streams
from phosphene.cli.options import OutputOptions
from phosphene.cli.progress import Interruption, check_piped, piped
from phosphene.cli.runner import Runner
from phosphene.errors import SettingsError
from phosphene.painting import again as painting
from phosphene.painting.again import RECIPE, redo
from phosphene.recipes.fields import ValueDict, Values
from phosphene.records import record
from phosphene.run.again import recorded_settings
from phosphene.techniques import TECHNIQUES

MOST_THREADS = 256  # believed of a record


def again(
    picture: str,
    input_: str | None,
    changes: Values,
    out: OutputOptions,
    max_pixels: int,
    command: Sequence[str] = (),
) -> int:
    """Makes a picture again; returns the exit code."""
    source = Input(picture, "pipe" if picture == batch.PIPE else "file")
    if source.kind == "pipe":
        check_piped()
    if input_ == batch.PIPE:
        raise SettingsError("--input is '-'; it takes a file. Save what is piped in, and name that.")
    data = piped().getvalue() if source.kind == "pipe" else picture
    made = record.read(data)
    if made.recipe != RECIPE:
        run.check_changes(made, changes)
    job = Job(source, _redo_output(source, made, changes, out))
    resuming.check([job.output])
    check_streams(job, out)
    read = _read_for(picture, made, input_, changes)
    batch.refuse_overwriting("-o", job.output, read)
    check_preview([job], out, *read)
    with Interruption() as stop:
        recorded = min(made.threads, MOST_THREADS) if made.threads > 0 else None
        runner = Runner(replace(out, threads=out.threads or recorded), stop)
        keep, tell = runner.keep(job.output, command), runner.foretell
        with runner.telling(job):
            runner.make(
                job,
                partial(redo, data, image=input_, keep=keep, on_forecast=tell, max_pixels=max_pixels, **changes),
                title=picture,
                notes=_differences(made),
                replace=batch.begun(job.output),
            )
        return stop.exit_code


def _read_for(picture: str, made: record.Record, input_: str | None, changes: Values) -> list[str]:
    """The files that a picture is made again of, as far as they are known before."""
    folder = Path() if picture == batch.PIPE else Path(picture).resolve().parent
    known = [*made.pictures, *painting.names(made).values(), made.input.get("name"), made.network.get("file")]
    beside = [path for name in known if (path := record.beside(folder, str(name or "")))]
    typed = [name for value in changes.values() for name in (value if isinstance(value, tuple) else (value,))]
    words = [part for each in typed if isinstance(each, str) for part in (each, *resuming.PART.findall(each))]
    return [picture, *([input_] if input_ else []), *map(str, beside), *words]


def _redo_output(source: Input, made: record.Record, changes: Mapping[str, object], out: OutputOptions) -> Path | None:
    """Where the new picture goes: as `dream` has it, but named after the old picture, and never in its place."""
    name, output = Path("stdin.png" if source.kind == "pipe" else source.name), out.output
    if output == batch.PIPE:
        return None
    if output is None:
        path = batch.again(name)
    elif batch.is_folder(output):
        path = batch.again(Path(output) / name.name)
    else:
        path = batch.target(source, output, _recorded_facts(made, changes)) or name
    if output is not None:
        batch.make_folder(output, path)
    batch.check(path, force=out.force)
    return path


def _recorded_facts(made: record.Record, changes: Values) -> ValueDict:
    """What a template may name; of presets and recipes the record knows nothing."""
    if made.recipe not in TECHNIQUES:
        return {**made.settings, **changes}
    return batch.facts(TECHNIQUES[made.recipe].engine.again(recorded_settings(made), changes), {})


def _differences(made: record.Record) -> list[str]:
    """What a person should know who compares the new picture with the old one."""
    then = made.versions
    now = record.versions()
    other = [f"{name} {then[name]} (now {now[name]})" for name in now if then.get(name, now[name]) != now[name]]
    notes = [f"made with {', '.join(other)}: pixels may differ a little"] if other else []
    if not made.complete:
        notes.append(f"the record is of a dream that was stopped at {made.reached}; this is the whole of it")
    return notes
