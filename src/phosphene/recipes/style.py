"""Style: a picture repainted as another one is painted, from broad forms to fine strokes.

After Gatys, Ecker and Bethge (2016) and Kolkin et al. (2022), whose two methods share everything here: the sizes, the
picture as a Laplacian pyramid of variables, and Adam, which moves it. What a place is to become is the method's affair.

A large picture is painted in windows, one after the other. Each continues what its finished neighbours have begun,
because it sees them and cannot change them, and has a few pixels to part from them: so that strokes cross from window
to window, and no seam is left.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from phosphene import features
from phosphene.ascent import OnStep, Reached, Tell, planning, teller
from phosphene.errors import NonFiniteError, SettingsError
from phosphene.features import hypercolumns
from phosphene.features.hypercolumns import LOOKS
from phosphene.networks import Network
from phosphene.networks.inspection import blamed
from phosphene.pixels import colours, params, tiles
from phosphene.pixels.transforms import at
from phosphene.recipes.fields import memory_bytes
from phosphene.recipes.neighbours import PULL, ColourWeights, Neighbours, Targets
from phosphene.recipes.structure import Gram, Statistics, StyleImage, Window, shift
from phosphene.recipes.style_settings import StyleSettings

SMALLEST = 48  # pixels of the long side: a smaller picture shows nothing
ALL_STEPS = 100_000  # pixels of a picture that gets all steps
FEWER = 0.35  # the exponent by which larger ones get fewer: smaller sizes have done the broad work
FEWEST = 12
LOOK = 5  # steps between searches
MARGIN, PARTING = 48, 16  # pixels that a window sees beyond what it paints, and over which another takes over
SMALLEST_WINDOW = 256  # pixels a side
LARGEST_STYLE = 1024  # pixels of a style's long side: its strokes are looked at, not printed
TONED = 0.3  # colourfulness of styles from which on they count as coloured, and not as black and white or toned
GRAIN = 0.02  # of 0..1: noise to begin with, so that flat places do not all find one neighbour
COLUMN_BYTES = 1000  # per pixel, beside the network's own: hypercolumns, their targets and gradients; measured


def style(
    pixels: Tensor,
    network: Network,
    sources: Sequence[StyleImage],
    *,
    settings: StyleSettings | None = None,
    initial: Tensor | None = None,
    reached: Reached | None = None,
    on_window: Callable[[Reached], None] = lambda _: None,
    on_step: OnStep | None = None,
) -> Tensor:
    """`pixels` `[1, 3, H, W]`, sRGB 0..1, repainted as the sources are painted: the same size and range.

    Args:
        pixels: the content, in the network's dtype.
        network: whose features are compared.
        sources: one style or several; their weights add up to 1.
        settings: by default `StyleSettings()`; of pictures that it names nothing is read here.
        initial: `[1, 3, H, W]`, what the painting begins with in place of the content.
        reached: where the same painting stopped, in sizes and windows: it goes on there, and ends with the same pixels.
        on_window: told what is reached with each window.
        on_step: called with each `Step`; an exception raised there ends the painting.

    Raises:
        SettingsError: no source, or too little memory for a window.
        NonFiniteError: the painting left the numbers.
    """
    settings = settings or StyleSettings()
    network = network.to(settings.device)
    if not sources:
        raise SettingsError("Name a style: a picture, or a --filter. List the filters: phosphene filters")
    area, finish = window_area(network, pixels, settings), _toner(sources, settings.strength)
    sizes = scales(pixels.shape[-2], pixels.shape[-1], settings)
    painted = _begun(at(pixels if initial is None else initial, *sizes[0]), settings)
    for number, size in enumerate(sizes):
        if reached and number + 1 < reached.octave:
            continue
        content, done = at(pixels, *size), 0
        if reached and number + 1 == reached.octave:
            painted, done = reached.pixels, reached.step
        elif number:
            painted = _carried(painted, content, sizes[number - 1], 1 - settings.strength)
        method = _method(network, [_sized(each, size, settings) for each in sources], content, settings)
        stage = _Stage(sizes, number, settings, windows(*size, area), finish)
        painted = _paint_(painted, content, method, stage, done, on_window, on_step)
    return finish(painted)


def scales(height: int, width: int, settings: StyleSettings) -> list[tuple[int, int]]:
    """Heights and widths to paint at, each half the next, the smallest first.

    >>> scales(300, 400, StyleSettings())
    [(38, 50), (75, 100), (150, 200), (300, 400)]
    """
    sizes = [(height, width)]
    while len(sizes) < settings.scales and max(height, width) / 2 ** len(sizes) >= SMALLEST:
        shrunk = 2 ** len(sizes)
        sizes.append((max(1, round(height / shrunk)), max(1, round(width / shrunk))))
    return sizes[::-1]


def steps(height: int, width: int, settings: StyleSettings) -> int:
    """How many steps at a size: the fewer the larger it is."""
    share = min(1.0, (ALL_STEPS / (height * width)) ** FEWER)
    return int(max(min(settings.steps, FEWEST), round(settings.steps * share)))


def windows(height: int, width: int, area: int) -> list[Window]:
    """The parts of a picture that are painted at a time, of about `area` pixels."""
    side = math.isqrt(area)
    whole = height * width <= area
    boxes = tiles.boxes(height, width, tile=max(height, width) if whole else side, overlap=MARGIN, stride=16)
    return [Window(box, (height, width)) for box in boxes]


def window_area(network: Network, pixels: Tensor, settings: StyleSettings) -> int:
    """How many pixels a window may have. Raises `SettingsError`: fewer than a window needs."""
    each = features.bytes_per_pixel(network, hypercolumns.layers(network, LOOKS)) + COLUMN_BYTES
    count, memory = pixels.shape[-2] * pixels.shape[-1], memory_bytes(settings.memory)
    least = min(count, SMALLEST_WINDOW**2)
    if memory is None:
        return max(least, int(planning.STEP_BYTES / each))
    fixed = planning.PROCESS_BYTES + 12 * pixels.element_size() * count
    area = int((memory - fixed) / each)
    if area < least:
        enough = math.ceil((fixed + least * each) / 1e8) * 100
        raise SettingsError(f"--memory {settings.memory} is too little for this picture.\nGive --memory {enough}MB.")
    return area


def _method(
    network: Network, sources: Sequence[StyleImage], content: Tensor, settings: StyleSettings
) -> Neighbours | Gram:
    if settings.method == "gram":
        return Gram(network, sources, strength=settings.strength)
    return Neighbours(
        network,
        sources,
        content,
        strength=settings.strength,
        semantics=settings.semantics,
        by_colour=ColourWeights(settings.match_tone, settings.match_tone + settings.match_colour),
    )


def _toner(sources: Sequence[StyleImage], strength: float) -> Callable[[Tensor], Tensor]:
    """What gives pixels, in place, the tones of black-and-white or toned styles; of coloured ones it leaves them.

    Little in the distance holds the colours of flat places: a lake in charcoal was turquoise.
    """
    colourful = sum(each.weight * colours.colourfulness(each.pixels) for each in sources)
    share = min(1.0, PULL * strength) * (1 - colourful / TONED)
    if share <= 0:
        return lambda pixels: pixels
    tones = colours.tones_of([(each.pixels, each.weight) for each in sources])
    return lambda pixels: colours.toned_(pixels, tones, share)


def _sized(source: StyleImage, size: tuple[int, int], settings: StyleSettings) -> StyleImage:
    """A style at the size that goes with the content's, but never larger than it is."""
    long = max(source.pixels.shape[-2:])
    share = min(max(size) * settings.scale, long, LARGEST_STYLE) / long
    height, width = (max(1, round(side * share)) for side in source.pixels.shape[-2:])
    return replace(source, pixels=at(source.pixels, height, width))


def _begun(pixels: Tensor, settings: StyleSettings) -> Tensor:
    generator = torch.Generator().manual_seed(settings.seed)
    grain = torch.randn(pixels.shape, generator=generator, dtype=torch.float64).to(pixels.dtype)
    return (pixels + settings.strength * GRAIN * grain).clamp(0, 1)


def _carried(painted: Tensor, content: Tensor, before: tuple[int, int], share: float) -> Tensor:
    """The painting at the next size, with a share of the detail that the content has there."""
    broad = painted - share * at(content, *before)
    return at(broad, *content.shape[-2:]).add_(content, alpha=share).clamp_(0, 1)


@dataclass(frozen=True)
class _Stage:
    """One size of a painting."""

    sizes: Sequence[tuple[int, int]]  # all of them
    number: int  # which of them, from 0
    settings: StyleSettings  # of the painting
    windows: Sequence[Window]  # in which it is painted
    finish: Callable[[Tensor], Tensor]  # what is done to a picture that is shown, in place

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.sizes[self.number]

    @property
    def steps(self) -> int:
        """For each window."""
        return steps(*self.size, self.settings)

    def teller(self, on_step: OnStep | None) -> Tell:
        """What tells of the steps of all windows, one after the other."""
        work, full = [math.prod(size) * steps(*size, self.settings) for size in self.sizes], self.sizes[-1]
        count = len(self.windows) * self.steps

        def shown(pixels: Tensor) -> Tensor:
            return self.finish(at(pixels, *full).clamp(0, 1))

        return teller(on_step, work, self.number, count, full, shown, "size")


def _paint_(
    painted: Tensor,
    content: Tensor,
    method: Neighbours | Gram,
    stage: _Stage,
    done: int,
    on_window: Callable[[Reached], None],
    on_step: OnStep | None,
) -> Tensor:
    """Paints window after window, in place; the first that are `done` only keep others from their pixels.

    A window fades away where the next has half taken over from it: of a hard end a line would stay.
    """
    free, tell = painted.new_ones(1, 1, *stage.size), stage.teller(on_step)
    for index, window in enumerate(stage.windows):
        here = (..., *window.box.context)
        left = torch.maximum(_outside(window.box.rows, painted)[:, None], _outside(window.box.columns, painted))
        if index < done:
            free[here] = torch.minimum(free[here], left)
            continue

        def told(number: int, pixels: Tensor, score: float, index: int = index, window: Window = window) -> None:
            if on_step is not None:
                painted[(..., *window.box.core)] = pixels[(..., *window.box.inner)]
                tell(index * stage.steps + number, painted, score)

        aim = method.window(content[here], window)
        found = _optimised(painted[here], free[here], aim, stage.steps, stage.settings.step_size / 255, told)
        painted[here] = torch.lerp(found, painted[here], (2 * left - 1).clamp(min=0))
        free[here] = torch.minimum(free[here], left)
        on_window(Reached(stage.number + 1, index + 1, painted))
    return painted


def _outside(side: tiles.Span, like: Tensor) -> Tensor:
    """0 where a window's core is, and 1 so many pixels away that nothing there is its own."""
    places = torch.arange(side.low, side.high, dtype=like.dtype)
    away = torch.maximum(side.start - places, places - (side.stop - 1))
    return (away / (PARTING + 1)).clamp(0, 1)


def _optimised(
    begun: Tensor, free: Tensor, aim: Targets | Statistics, steps: int, step_size: float, told: Tell
) -> Tensor:
    """A window after so many steps of Adam (Kingma and Ba 2014), where `free` is 1; where it is 0, all stays."""
    begun, chance = begun.clone(), torch.Generator().manual_seed(0)
    painting = params.painting("laplacian", begun, bounded=False)
    optimiser = params.Adam(painting.variables, step_size)
    pixels, often = begun, max(1, min(LOOK, steps // 3))
    for number in range(1, steps + 1):
        if (number - 1) % often == 0:
            aim.look(pixels, shift(pixels, chance))
        seen = torch.lerp(begun, painting.pixels(), free)
        distance = aim.distance(seen)
        with blamed("The network has no gradient for this picture"):
            gradients = torch.autograd.grad(distance, painting.variables)
        optimiser.descend(gradients)
        with torch.no_grad():
            pixels = torch.lerp(begun, painting.pixels().clamp(0, 1), free)
        score = -float(distance.detach())
        if not math.isfinite(score):
            raise NonFiniteError("The painting became infinite or not-a-number. Try a smaller --step-size.")
        told(number, pixels, score)
    return pixels
