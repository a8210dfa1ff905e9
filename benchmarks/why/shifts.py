"""Why shifts help where there are tiles: a fixed bias becomes an even loss, and noise of mean zero.

Let ε(s) = g_tiled(s) - g_whole(s) be what tiles do to a step's gradient when the picture is shifted by s. Without
shifts it is the same at each step: after n steps the picture holds n·ε, a share that never falls. With shifts drawn
evenly over a tile's period, every pixel is near a border as often as any other, so that E ε knows no border: it is a
loss m of the gradient, the same everywhere, and a step is a little shorter. With the border loss L of `borders`, and
tiles of t pixels that have borders on a share of their sides,

    m = 1 - (1 - share · (2/t) Σ_d L(d))².

What is left, ε - E ε, has mean zero, and averages out: over n steps its root mean square falls as σ/√n. The trough
that borders leave, the loss by the distance from where they were first, falls likewise from sd(L) to sd(L)/√n.

Shifts of at most J pixels move a border within 2J + 1 pixels only. They leave a trough there, L smeared over these:

    L_J(d) = 1/(2J+1) Σ_{|j| ≤ J} L(|d + j|).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from phosphene.ascent import gradient, step_
from phosphene.ascent.gradient import Shift, Tiling
from subjects import Subject, google, seeded


def drawn(count: int, period: int, *, seed: int = 0) -> list[Shift]:
    """Shifts spread evenly over a tile's period."""
    return [(int(down), int(right)) for down, right in torch.randint(0, period, (count, 2), generator=seeded(seed))]


@dataclass(frozen=True)
class Error:
    """What tiles do to a gradient, over shifts; as shares of the gradient's root mean square.

    Attributes:
        lost: of each single gradient, on average: m.
        bias: of the mean over infinitely many shifts: m and what else does not average out.
        noise: σ, of a single shift's error about that mean.
    """

    lost: float
    bias: float
    noise: float

    def after(self, count: int) -> float:
        """Foretold: the error of the mean of so many."""
        return (self.bias**2 + self.noise**2 / count) ** 0.5


def error(subject: Subject, pixels: Tensor, tiling: Tiling, shifts: Sequence[Shift]) -> Error:
    """As measured on one picture."""
    total, squares, along, energy = torch.zeros_like(pixels), torch.zeros_like(pixels), 0.0, 0.0
    for found, reference in _pairs(subject, pixels, tiling, shifts):
        total, squares = total + found, squares + found.square()
        along -= float((found * reference).sum())
        energy += float(reference.square().sum())
    count, size = len(shifts), energy / len(shifts)
    mean_square = float((total / count).square().sum())
    variance = (float(squares.sum()) / count - mean_square) * count / (count - 1)
    bias = max(0.0, mean_square - variance / count)
    return Error(along / energy, (bias / size) ** 0.5, (variance / size) ** 0.5)


def averaged(subject: Subject, pixels: Tensor, tiling: Tiling, shifts: Sequence[Shift]) -> list[float]:
    """The error of the mean of 1, 2, … shifted gradients of one picture, as a share of the gradient."""
    total, energy, found = torch.zeros_like(pixels), 0.0, []
    for count, (one, reference) in enumerate(_pairs(subject, pixels, tiling, shifts), 1):
        total, energy = total + one, energy + float(reference.square().sum())
        found.append((float((total / count).square().sum()) / (energy / count)) ** 0.5)
    return found


def _pairs(
    subject: Subject, pixels: Tensor, tiling: Tiling, shifts: Sequence[Shift]
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each shift, what tiles do wrong, and what would be right."""
    for shift in shifts:
        reference = subject.gradient(pixels, shift=shift)
        yield subject.gradient(pixels, tiling, shift=shift) - reference, reference


def mean_lost(lost: Tensor, tile: int, *, sides: float = 1.0) -> float:
    """m: what `borders.lost` says that square tiles take on average, if this share of their sides are borders."""
    reach = min(len(lost), tile // 2)
    return 1 - (1 - sides * 2 / tile * float(lost[:reach].sum())) ** 2


def trough(lost: Tensor, jitter: int, *, reach: int) -> Tensor:
    """L_J `[reach]`: the loss at the distances 0 .. reach-1 from where a border stands on average."""
    far = torch.zeros(reach + jitter + 1)
    far[: len(lost)] = lost[: len(far)]
    # Pixels on the border's other side are as far as those on this one: the distances -1, -2, … are 0, 1, …
    both = torch.cat([far[: jitter + 1].flip(0)[:jitter], far])
    return both.unfold(0, 2 * jitter + 1, 1).mean(1)[:reach]


def trough_measured(subject: Subject, pictures: Iterable[Tensor], jitter: int, *, reach: int, draws: int) -> Tensor:
    """The same, of gradients whose border in the middle is shifted by up to `jitter` pixels."""
    generator, kept, there = seeded(jitter), torch.zeros(reach), torch.zeros(reach)
    for pixels in pictures:
        cut = pixels.shape[-1] // 2
        reference = sided = torch.zeros_like(pixels)
        for _ in range(draws if jitter else 1):
            by = int(torch.randint(-jitter, jitter + 1, (1,), generator=generator))
            border = (cut + by) // subject.stride * subject.stride
            moved = torch.roll(pixels, border - cut - by, -1)  # the border stands on the stride's lattice
            parts = [subject.gradient(side.contiguous()) for side in (moved[..., :border], moved[..., border:])]
            sided = sided + torch.roll(torch.cat(parts, -1), cut + by - border, -1)
            reference = reference + torch.roll(subject.gradient(moved), cut + by - border, -1)
        for side, of in (
            (sided[..., cut:], reference[..., cut:]),
            (sided[..., :cut].flip(3), reference[..., :cut].flip(3)),
        ):
            kept += (side * of).sum((0, 1, 2))[:reach]
            there += of.square().sum((0, 1, 2))[:reach]
    return 1 - kept / there


def climb(
    subject: Subject, pictures: Sequence[Tensor], tiling: Tiling, shifts: Sequence[Shift]
) -> list[tuple[Tensor, Tensor]]:
    """Real ascents in tiles: after each step, ⟨Σ tiled, Σ whole⟩ and ⟨Σ whole, Σ whole⟩ by phase, `[tile]` each.

    The sums are over the steps so far: what tiles did, and what the same steps would have been without. Phase 0 is
    the first pixel behind where borders stand that are not shifted. Pictures and both axes are added up.
    """
    rule = google()
    found = [(torch.zeros(tiling.tile), torch.zeros(tiling.tile)) for _ in shifts]
    for pixels in pictures:
        picture, tiled, whole = pixels.clone(), torch.zeros_like(pixels), torch.zeros_like(pixels)
        for shift, (along, there) in zip(shifts, found, strict=True):
            step = subject.gradient(picture, tiling, shift=shift)
            size = step.abs().mean()
            tiled += step / size
            whole += subject.gradient(picture, shift=shift) / size
            along += _by_phase(tiled * whole, tiling.tile)
            there += _by_phase(whole.square(), tiling.tile)
            step_(picture, gradient.normalise_(step, rule.normalise) * rule.length(1, 1), rule.clip)
    return found


def _by_phase(x: Tensor, tile: int) -> Tensor:
    """Sums of `[1, 3, H, W]` by phase in the tiles' lattice, over both axes, without the outermost half tiles."""
    lines = (x.sum((0, 1, 2)), x.sum((0, 1, 3)))
    inner = [line[tile // 2 : len(line) - tile // 2] for line in lines]
    return sum(torch.roll(part.view(-1, tile).sum(0), tile // 2) for part in inner)


def depth(along: Tensor, there: Tensor, *, near: int = 8) -> float:
    """How unevenly the loss lies: its standard deviation over phases, in means over `near` pixels."""
    lost = 1 - along.view(-1, near).sum(1) / there.view(-1, near).sum(1)
    return float(lost.std(correction=0))


def foretold_depth(lost: Tensor, tile: int, *, near: int = 8) -> float:
    """sd(L): the same, from the border loss alone; a line of pixels meets the borders of one axis only at its phase."""
    across = 1 - 2 / tile * float(lost[: tile // 2].sum())  # what the other axis' borders leave
    line = torch.zeros(tile)
    line[: min(len(lost), tile // 2)] = lost[: tile // 2]
    line = 1 - (1 - line) * (1 - line.flip(0)) * across
    return float(line.view(-1, near).mean(1).std(correction=0))
