"""Contact sheets: many small pictures on one, each with its name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from phosphene.errors import SettingsError

BACKGROUND = (22, 22, 24)
EMPTY = (30, 30, 33)  # where a picture is still to come
LABEL = (168, 168, 172)
HEADING = (236, 236, 238)
SMALLEST_LABEL, LARGEST_LABEL = 11.0, 22.0  # pixels high
ELLIPSIS = "…"


@dataclass(frozen=True)
class Layout:
    """Where things stand on a sheet, in pixels."""

    columns: int  # how many pictures stand side by side
    rows: int  # how many stand one above the other
    cell: tuple[int, int]  # height and width that every picture has
    gap: int  # between pictures
    margin: int  # around all of them
    label: float  # size of the labels' letters; `line` is the room for them below a picture
    line: int
    heading: float  # size of the heading's letters; `head` is the room above the pictures
    head: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the sheet."""
        height, width = self.cell
        return (
            self.head + 2 * self.margin + self.rows * (height + self.line) + (self.rows - 1) * self.gap,
            2 * self.margin + self.columns * width + (self.columns - 1) * self.gap,
        )

    def corner(self, index: int) -> tuple[int, int]:
        """Top and left of a picture."""
        row, column = divmod(index, self.columns)
        height, width = self.cell
        return (
            self.head + self.margin + row * (height + self.line + self.gap),
            self.margin + column * (width + self.gap),
        )


def layout(count: int, cell: tuple[int, int], *, columns: int | None = None, headed: bool = False) -> Layout:
    """Room for `count` pictures of one size, height and width.

    By default there are as many columns as make the sheet about as wide as it is high, and no row is nearly empty. No
    picture or no column is a `SettingsError`.
    """
    if count < 1 or (columns is not None and columns < 1):
        raise SettingsError("A sheet takes one picture or more, in one column or more.")
    height, width = cell
    label = min(LARGEST_LABEL, max(SMALLEST_LABEL, width / 16))
    line, gap = round(label * 1.6), max(2, round(width / 14))
    if columns is None:
        even = max(1, min(count, round(math.sqrt(count * (height + line + gap) / (width + gap)))))
        columns = math.ceil(count / math.ceil(count / even))
    heading = label * 1.6
    return Layout(
        columns=columns,
        rows=math.ceil(count / columns),
        cell=cell,
        gap=gap,
        margin=round(gap * 1.8),
        label=label,
        line=line,
        heading=heading,
        head=round(heading * 1.7) if headed else 0,
    )


def sheet(cells: Sequence[tuple[str, Tensor | None]], *, columns: int | None = None, heading: str = "") -> Tensor:
    """A contact sheet, `[1, 3, H, W]`, sRGB 0..1, in the pictures' dtype, with a line of heading above them all.

    Cells are labels and pictures `[1, 3, h, w]`, row by row, so many `columns` side by side. Smaller pictures stand in
    the middle of a cell as large as the largest; `None` leaves a cell free for a picture that is to come.

    Raises:
        SettingsError: no picture at all, or no column.

    >>> sheet([("a", torch.ones(1, 3, 64, 64))] * 4).shape
    torch.Size([1, 3, 187, 151])
    """
    pictures = [picture for _, picture in cells if picture is not None]
    if not pictures:
        raise SettingsError("A sheet takes one picture or more.")
    cell = max(each.shape[-2] for each in pictures), max(each.shape[-1] for each in pictures)
    plan = layout(len(cells), cell, columns=columns, headed=bool(heading))
    page = _page(plan, [label for label, _ in cells], heading)
    pixels = torch.from_numpy(np.asarray(page).copy()).permute(2, 0, 1)[None].to(pictures[0].dtype) / 255
    empty = torch.tensor(EMPTY, dtype=pixels.dtype)[:, None, None].expand(3, *cell) / 255
    for index, (_, picture) in enumerate(cells):
        laid = empty if picture is None else picture
        (height, width), (top, left) = laid.shape[-2:], plan.corner(index)
        top, left = top + (cell[0] - height) // 2, left + (cell[1] - width) // 2
        pixels[..., top : top + height, left : left + width] = laid
    return pixels


def _page(plan: Layout, labels: Sequence[str], heading: str) -> Image.Image:
    """The sheet without its pictures."""
    height, width = plan.size
    page = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(page)
    if heading:
        place, font = (plan.margin, plan.margin - round(plan.label * 0.2)), ImageFont.load_default(plan.heading)
        draw.text(place, _fitted(draw, heading, font, width - 2 * plan.margin), HEADING, font, anchor="lt")
    font = ImageFont.load_default(plan.label)
    for index, label in enumerate(labels):
        top, left = plan.corner(index)
        place = (left, top + plan.cell[0] + round(plan.line * 0.75))
        draw.text(place, _fitted(draw, label, font, plan.cell[1]), LABEL, font, anchor="ls")
    return page


def _fitted(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    """The text, shortened in its middle to the room that there is: layers differ at both ends."""
    kept, fitted = len(text), text
    while draw.textlength(fitted, font) > room and kept > 1:
        kept -= 1
        fitted = f"{text[: -(-kept // 2)]}{ELLIPSIS}{text[len(text) - kept // 2 :]}"
    return fitted
