"""What a long dream will take, said before it is begun: measured on a tile of its own size."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from phosphene import features
from phosphene.ascent import gradient, planning
from phosphene.ascent.gradient import Tiling, backend_on
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import pyramid
from phosphene.pixels.tiles import Box
from phosphene.recipes.dream import tilings_of
from phosphene.recipes.settings import DreamSettings
from phosphene.techniques.aims import Aim

WORTH = 100_000_000  # pixels times steps: with fewer, a dream is done before a forecast is of use
BESIDE = 1.5  # a dream's time over its tiles': blocks are read and written; 1.6 at 12 megapixels
Size = tuple[int, int]


@dataclass(frozen=True)
class Forecast:
    """What a dream will take.

    Attributes:
        size: height and width, in pixels.
        tiles: at the largest octave, at each step.
        seconds: of the whole.
        memory: bytes of the whole process.
        disk: bytes of the files beside the output; 0 for a dream in memory.
        free: bytes of the disk that are free.
    """

    size: Size
    tiles: int
    seconds: float
    memory: int
    disk: int = 0
    free: int = 0

    def __str__(self) -> str:
        height, width = self.size
        tiles = f"{self.tiles:,} tiles" if self.tiles > 1 else "one tile"
        room = f", {self.disk / 1e9:.1f} GB of disk ({self.free / 1e9:.0f} GB free)" if self.disk else ""
        megapixels = f"{height * width / 1e6:,.0f} megapixels"
        return f"{width}×{height} ({megapixels}), {tiles} a step, {self.memory / 1e9:.1f} GB of memory{room}"


def expected(source: Picture, aimed: Aim, network: Network) -> Forecast | None:
    """What a dream in memory will take; `None` where that is not worth while."""
    size = source.pixels.shape[-2], source.pixels.shape[-1]
    sizes = pyramid.sizes(*size, aimed.settings.octaves, aimed.settings.octave_scale)
    tilings = tilings_of(network, aimed.objective, aimed.settings, sizes)
    found = None if aimed.mask is not None else seconds(network, aimed.objective, sizes, tilings, aimed.settings)
    if found is None:
        return None
    boxes = gradient.boxes(size, network, aimed.objective, tilings[-1])
    tile = max(map(_seen, boxes)) * features.bytes_per_pixel(network, aimed.objective.layers)
    memory = planning.PROCESS_BYTES + planning.picture_bytes(network, size) + int(tile)
    return Forecast(size, len(boxes), found, memory)


def seconds(
    network: Network,
    objective: Objective,
    sizes: Sequence[Size],
    tilings: Sequence[Tiling],
    settings: DreamSettings,
) -> float | None:
    """How long a dream's steps at these sizes take, by the time of a first tile; `None` where that is not worth while.

    Tiles are counted by the pixels that they see, so that overlaps count as often as they are looked at.
    """
    boxes = [gradient.boxes(size, network, objective, tiling) for size, tiling in zip(sizes, tilings, strict=True)]
    seen = settings.steps * sum(_seen(box) for octave in boxes for box in octave)
    if seen < WORTH:
        return None
    return BESIDE * seen * _per_pixel(network, objective.fit(*sizes[-1]), boxes[-1][0], sizes[-1], settings)


def _seen(box: Box) -> int:
    return math.prod(side.stop - side.start for side in box.context)


def _per_pixel(network: Network, objective: Objective, box: Box, size: Size, settings: DreamSettings) -> float:
    """Seconds for each pixel of a tile, on the device that will compute it; a first run warms up."""
    rows, columns = (side.stop - side.start for side in box.context)
    pixels = torch.rand(1, 3, rows, columns, dtype=network.dtype, generator=torch.Generator().manual_seed(0))
    backend = backend_on(settings.device, network, objective)
    gradient.of_box(pixels, box, size, network, objective, backend)
    started = time.perf_counter()
    gradient.of_box(pixels, box, size, network, objective, backend)
    return (time.perf_counter() - started) / _seen(box)
