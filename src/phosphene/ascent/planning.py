"""What fits into memory: how octaves are cut into tiles, and what a picture takes before it is begun."""

import math
from collections.abc import Sequence

from phosphene import features
from phosphene.ascent.gradient import Tiling, stride_of
from phosphene.errors import SettingsError
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import tiles
from phosphene.pixels.transforms import SMALLEST

PROCESS_BYTES = 350_000_000  # Python, torch and a network, measured before the first step
STEP_BYTES = 800_000_000  # for a tile's activations, where no limit is given
LARGE, LARGE_STEP_BYTES = 4_000_000, 450_000_000  # pixels of a picture that takes much itself, and what it leaves
SHARE = 0.6  # of the memory that is free, for one dream: the rest is for the user's other programs
PICTURE_NUMBERS = 28  # kept for a pixel of the picture: octaves, detail, the gradient and its bands; measured


def plan(
    network: Network,
    objective: Objective,
    *,
    sizes: Sequence[tuple[int, int]],
    tile: int | None,
    overlap: str,
    memory: int | None,
    beside: int | None = None,
) -> list[Tiling]:
    """A tiling for each octave of a picture: whole where memory allows, else the largest tiles that fit.

    Args:
        network: what the gradient is computed through.
        objective: decides how deep, and so how many bytes a pixel takes and how far it sees.
        sizes: height and width of the octaves, in pixels, the largest last.
        tile: the largest side, or `None` for what memory allows.
        overlap: a number of pixels, `auto` or `exact`.
        memory: bytes for the whole process, or `None` for a moderate amount beside the picture itself.
        beside: bytes held beside a tile and the program, by default a picture and its octaves.

    Raises:
        SettingsError: memory or tiles too small for the overlap.
    """
    context, stride = _context(network, objective, overlap), stride_of(network, objective)
    sizes = [(max(height, SMALLEST), max(width, SMALLEST)) for height, width in sizes]
    if tile is None:
        beside = picture_bytes(network, sizes[-1]) if beside is None else beside
        area = _area(network, objective, sizes[-1], context, memory, PROCESS_BYTES + beside)
        tilings = [Tiling(max(size) if math.prod(size) <= area else math.isqrt(area), context) for size in sizes]
    else:
        tilings = [Tiling(tile, context, longest=tile)] * len(sizes)
    for size, tiling in zip(sizes, tilings, strict=True):
        tiles.boxes(*size, tile=tiling.tile, overlap=context, stride=stride)
    return tilings


def picture_bytes(network: Network, size: tuple[int, int]) -> int:
    """Bytes of a picture of that height and width, its octaves, and what a step makes of them."""
    return PICTURE_NUMBERS * network.dtype.itemsize * math.prod(size)


def _context(network: Network, objective: Objective, overlap: str) -> int:
    """Pixels that a tile sees around its core; refuses to promise what no overlap can give."""
    vague = sorted(name for name in objective.layers if not network.layer(name).exact)
    if overlap == "exact" and vague:
        raise SettingsError(
            f"--overlap exact: {vague[0]} of {network.name} looks at the whole picture, so no tiles are exact."
            " Give --overlap auto."
        )
    seen = max(network.layer(name).receptive_field for name in objective.layers)
    return int(overlap) if overlap.isdigit() else {"exact": seen - 1, "auto": seen // 4}[overlap]


def _area(
    network: Network, objective: Objective, size: tuple[int, int], context: int, memory: int | None, fixed: int
) -> int:
    """How many pixels a tile may have, where so many bytes are `fixed`."""
    least = tiles.smallest(context, stride_of(network, objective))
    each = features.bytes_per_pixel(network, objective.layers)
    needed = min(math.prod(size), least**2)
    if memory is None:
        roomy = (least + context) ** 2  # a core as wide as its context: smaller ones would see the same pixels again
        room = STEP_BYTES if math.prod(size) <= LARGE else LARGE_STEP_BYTES
        return max(int(room / each), min(math.prod(size), roomy))
    area = int((memory - fixed) / each)
    if area < needed:
        enough = math.ceil((fixed + needed * each) / 1e8) * 100
        raise SettingsError(
            f"--memory {memory / 1e6:.0f}MB is too little for {size[1]}×{size[0]} pixels and an overlap that needs"
            f" tiles of {least} pixels.\nGive --memory {enough}MB, or a smaller --overlap."
        )
    return area
