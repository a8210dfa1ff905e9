"""The command `pattern`: what a channel looks for, out of noise. It loads torch only when it is run."""

from __future__ import annotations

from typing import Any

import click

from phosphene.cli import completion, options
from phosphene.errors import SettingsError
from phosphene.recipes.pattern_settings import PatternSettings, word


@click.command(cls=options.Grouped, short_help="Brings a channel's pattern out of noise.")
@click.argument("of", required=False, metavar="[LAYER:CHANNEL]", shell_complete=completion.layers)
@options.output
@options.flag(
    "--size", metavar="WxH", group=options.FILE, help="of a pattern, in pixels  [320x320; on a sheet 128x128]"
)
@options.settings(PatternSettings)
def pattern(of: str | None, size: str | None, **flags: Any) -> int:
    """Brings out of noise what a channel looks for: phosphene pattern block8:37 writes block8-37-pattern.png.

    Of a layer, as block8, it makes a contact sheet of its channels; phosphene layers lists them.
    """
    wishes = options.take_wishes_(flags)
    values = options.given(flags, PatternSettings)
    if of is None and not {"layer", "objective"} & values.keys():
        raise click.UsageError("Name a channel, as block8:37, or a layer, as block8. List them: phosphene layers")
    if "," in values.get("layer", ""):
        raise SettingsError(f"--layer {values['layer']}: a pattern is of one layer. For several, use --objective.")
    if of is not None:
        word(of)
    from phosphene.cli import maker, patterns

    return patterns.make(of, values, size, maker.Wishes(**wishes))
