"""What in one picture is the same stuff as what in another, without any labels: sky and sky, wall and rock.

Each picture falls into a few kinds of places by what a network's deep layers say of them, and a little by colour,
calm and height. Kinds of the two pictures are compared by what sets them apart from the rest of their own picture:
a painted sky differs from a painted wall much as a photographed sky does from a photographed wall, although paint and
photograph differ from each other more. Sky is found by itself; where both pictures have one, the two are alike. If the
network sees them so, too, what is no sky goes with what is none and does not look like it either.

How alike two kinds are also says how sure that is. A painting of one thing and a photograph of another have kinds that
are hardly alike; there the map says little, and looks decide.

A place's stuff is written as a few numbers, so that the product of a content's and a style's says how surely they are
of one stuff, 0 to 1, and up to 1 more if both are sky, or neither is. A search for likeness takes it along as a few
more numbers of its vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene import features
from phosphene.features import hypercolumns, matching
from phosphene.features.skyline import can_be_sky, like_sky, sky_and_lake
from phosphene.networks import Network
from phosphene.pixels.transforms import at, shrink

SIDE = 512  # pixels of the long side at which stuffs are looked at
CELL = 8  # pixels of a place's side
COUNTS = (6, 4, 5, 8, 12)  # kinds that a picture may fall into: several, because what they agree on is surer
ROUNDS = 30  # of k-means
CALM, COLOUR, HEIGHT = 0.4, 0.3, 0.5  # weights when a picture falls into kinds; deep layers have 1
SOFTNESS = 0.2  # squared distance over which one kind of a picture fades into the next
HINT_CALM, HINT_COLOUR, HINT_HEIGHT = 0.2, 0.1, 0.2  # weights when kinds are compared; each deep layer has 1
HINT_SKY, HINT_NO_SKY = 1.0, 2.0  # more likeness if both are sky, and less if only one is
SKIES = 0.7, 1.3  # sum of cosines of two skies, at which they are none, and at which they are surely both skies
SHARPNESS = 0.2  # likeness by which a kind stands out as another's counterpart
EDGES = (12, 24)  # pixels around, over which a map takes on edges, one after the other
FLAT = 1e-3  # variance of colours that are no edge
DECIDED = 4  # exponent by which a content's place leaves its second-best counterpart behind
SURE = 2.0  # a likeness, of at most 5, from which a kind's counterpart is sure; at 0 it counts for nothing
STRANGE = 0.5  # a likeness, of at most 5, below which nothing is a calm kind's counterpart
CALM_BELOW = -4.2  # logarithm of unrest: a sky's; what is busier is safe with whatever is most like it
REGIONS = COUNTS[0]  # kinds that a picture's regions are, but for a lake
TOP, HIGH = 0.3, 0.5  # a sky has so much of the picture's upper edge, and its middle is above the picture's
CLEAR = -3.9  # logarithm of unrest: what is busier hides the sky from what is beneath it
STEP = 0.06  # of brightness, over two places: a larger one is a horizon
LEAST = 0.004  # of a picture: a smaller lake is no region
STEEP = 4.0  # how steeply a region's border falls from inside to outside


@dataclass(frozen=True)
class Correspondence:
    """Numbers for the places of a content and of a style, `[1, D, h, w]` each."""

    content: Tensor  # of its places, or its pixels
    style: Tensor  # likewise; the product with the content's is how surely two places are of one stuff, 0..2
    missing: float = 0.0  # share of the content that has no counterpart, 0..1; it goes with what is calm
    kinds: int = COUNTS[0]  # how many of the numbers, the first, tell the stuffs apart one way: enough to draw them


@dataclass(frozen=True)
class _Stuff:
    """What is known of a picture's places, each `[h·w, …]`, row by row."""

    deep: list[Tensor]  # one for each layer, around its mean and of mean length 1
    calm: Tensor  # logarithm of how much brightness differs from that around it; less is calmer
    colour: Tensor  # red, green and blue
    height: Tensor  # 0 at the top, 1 at the bottom
    grid: tuple[int, int]  # rows and columns
    sky: Tensor | None = None  # share of sky, 0..1; None in a picture without
    sky_map: Tensor | None = None  # likewise, of the pixels that were looked at, `[1, 1, h, w]`

    def vectors(self) -> Tensor:
        """What places are told apart by."""
        deep = [each / len(self.deep) ** 0.5 for each in self.deep]
        hints = [CALM * _standard(self.calm), COLOUR * _standard(self.colour), HEIGHT * self.height]
        return torch.cat([*deep, *hints], 1)

    def of_kinds(self, share: Tensor) -> _Stuff:
        """The same of kinds, the means over places by `share` `[h·w, K]`."""
        by = (share / share.sum(0).clamp(min=1e-12)).T
        sky = None if self.sky is None else by @ self.sky
        deep = [by @ each for each in self.deep]
        return _Stuff(deep, by @ self.calm, by @ self.colour, by @ self.height, (1, 1), sky)


@dataclass(frozen=True)
class StyleKinds:
    """What kinds of stuff a style has, for as many contents as follow."""

    stuff: _Stuff
    shares: tuple[Tensor, ...]  # of each count, how far each place is of each kind, `[N, K]`
    map: Tensor  # `[1, K, h, w]`, the kinds of all counts; two more if there is a sky: it, and what is unlike it


def kinds_of(network: Network, style: Tensor) -> StyleKinds:
    """The kinds of a style `[1, 3, H, W]`."""
    stuff, shares = _in_kinds(_stuff(network, style), style)
    map_ = len(COUNTS) ** -0.5 * _map(torch.cat(shares, 1), stuff, style)
    if (sky := stuff.sky_map) is not None:
        unlike = ~like_sky(sky, _seen(style))  # what looks like the sky may well be some of it
        map_ = torch.cat([map_, sky, (1 - sky) * unlike], 1)
    return StyleKinds(stuff, shares, map_)


def found(network: Network, content: Tensor, style: StyleKinds) -> Correspondence:
    """The correspondence of a picture `[1, 3, H, W]` and a style."""
    (of, shares), by = _in_kinds(_stuff(network, content), content), style.stuff
    parts, sure, missing = [], [], 0.0
    for here, there in zip(shares, style.shares, strict=True):
        kinds, theirs = of.of_kinds(here), by.of_kinds(there)
        likeness = _likeness(kinds, theirs)
        sureness = (likeness.amax(1) / SURE).clamp(0, 1)
        strange = (likeness.amax(1) < STRANGE) & (kinds.calm[:, 0] < CALM_BELOW)
        counterparts = torch.where(strange[:, None], _calmest(kinds, theirs), _unclaimed(likeness, sureness))
        chosen = (counterparts / SHARPNESS).softmax(1)
        sure.append(here @ torch.where(strange, 1.0, sureness))
        parts.append(here @ (chosen / chosen.amax(1, keepdim=True)))
        missing += float((here @ strange.to(here.dtype)).mean()) / len(COUNTS)
    certainty = _map(torch.stack(sure).mean(0)[:, None], of, content)
    counts = [there.shape[1] for there in style.shares]
    decided = _decided(_map(torch.cat(parts, 1), of, content), counts)
    numbers = certainty * decided
    if by.sky_map is not None:
        sky = torch.zeros_like(certainty) if of.sky_map is None else of.sky_map
        numbers = torch.cat([numbers, torch.cat([sky, 1 - sky], 1) * _skies_alike(of, by)], 1)
    return Correspondence(numbers, style.map, missing, min(COUNTS[0], sum(counts)))


def _in_kinds(stuff: _Stuff, picture: Tensor) -> tuple[_Stuff, tuple[Tensor, ...]]:
    """A picture of which the sky is known, and how far each place is of each kind, for each count of kinds."""
    vectors = stuff.vectors()
    begun = vectors[_farthest(vectors, max(COUNTS))]
    shares = tuple(_shares(vectors, begun[:count]) for count in COUNTS)
    sky = _sky(stuff, shares[0])
    if not sky:
        return stuff, shares
    share = _map(shares[0][:, sky].sum(1, keepdim=True), stuff, picture)
    whole, _ = sky_and_lake(share, _seen(picture))
    return replace(stuff, sky=matching.vectors(_sized(whole, stuff.grid)), sky_map=whole), shares


def _sky(stuff: _Stuff, shares: Tensor) -> list[int]:
    """Which of a picture's kinds are its sky: those that are calm and high, and lower ones that go on from there.

    Between these and the upper edge nothing stands: no skyline, and no horizon with a calm sea beneath it. A street
    from above, a coat or leaves out of focus are calm, too, but have neither a sky's light nor its place.
    """
    kinds, edge = stuff.of_kinds(shares), shares.reshape(*stuff.grid, -1)[0].mean(0)
    calm = kinds.calm[:, 0] < CALM_BELOW
    high = calm & ((kinds.height[:, 0] < HIGH) | (edge > TOP))
    if edge[high].sum() <= TOP:
        return []
    bright, unrest = (x.mean(1).reshape(stuff.grid) for x in (stuff.colour, stuff.calm))
    steps = F.pad((bright[2:] - bright[:-2]).abs(), (0, 0, min(2, len(bright)), 0))
    clear = (unrest.cummax(0).values < CLEAR) & (steps.cummax(0).values < STEP)
    seen = clear.to(shares.dtype).flatten() @ shares / shares.sum(0)
    found: list[int] = (high | (calm & (seen > 0.5))).nonzero()[:, 0].tolist()
    share = shares[:, found].sum(1).reshape(stuff.grid)
    return found if can_be_sky(stuff.colour.reshape(*stuff.grid, 3), share) else []


def drawn(content: Tensor, style: Tensor) -> tuple[Correspondence, tuple[str, ...]]:
    """The correspondence of two maps `[1, 3, H, W]` in which one colour is one stuff, and the content's lost colours.

    A colour that the style's map does not have goes with whatever looks like it.
    """
    of, by = _names(content), _names(style)
    stuffs = sorted(set(by.flatten().tolist()))
    lost = sorted(set(of.flatten().tolist()) - set(stuffs))
    here, there = (torch.stack([(each == stuff).to(content.dtype) for stuff in stuffs]) for each in (of, by))
    notes = tuple(f"#{each:06x}" for each in lost)
    return Correspondence(
        here[None], there[None], float(sum((of == each).float().mean() for each in lost)), len(stuffs)
    ), notes


@dataclass(frozen=True)
class Regions:
    """A picture in regions, the largest first, each of one kind of stuff."""

    shares: Tensor  # `[1, K, h, w]`: how far each place is of each region; together 1
    sky: tuple[int, ...]  # which of them are sky, from 0; none if there is no sky

    def mask(self, which: Sequence[int], height: int, width: int) -> Tensor:
        """Some of the regions, from 0, as a mask `[1, 1, height, width]`."""
        share = self.shares[:, list(which)].sum(1, keepdim=True)
        return ((at(share, height, width) - 0.5) * STEEP + 0.5).clamp(0, 1)


def regions_of(network: Network, picture: Tensor) -> Regions:
    """The regions of a picture `[1, 3, H, W]`: places that a network sees alike, without any labels.

    Sky is what is calm and high and what goes on from there, if it takes up enough of the upper edge.
    """
    stuff = _stuff(network, picture)
    vectors = stuff.vectors()
    shares = _shares(vectors, vectors[_farthest(vectors, REGIONS)])
    found, kinds = _map(shares, stuff, picture), _sky(stuff, shares)
    found = found / found.sum(1, keepdim=True).clamp(min=1e-6)
    if kinds:
        found = _with_sky(found, kinds, *sky_and_lake(found[:, kinds].sum(1, keepdim=True), _seen(picture)))
    order = found.mean((0, 2, 3)).argsort(descending=True).tolist()
    return Regions(found[:, order], tuple(order.index(each) for each in kinds))


def _with_sky(found: Tensor, kinds: Sequence[int], sky: Tensor, lake: Tensor) -> Tensor:
    """Shares of regions, those `kinds` with all of the sky between them, and a large lake as a region of its own."""
    if lake.mean() < LEAST:
        sky, lake = (sky + lake).clamp(max=1), lake[:, :0]
    share, weight = found[:, kinds].sum(1, keepdim=True), found[:, kinds]
    weight[:, [weight.mean((0, 2, 3)).argmax()]] += 1e-3  # it gets what is of none of them
    others = found * (1 - sky - lake.sum(1, keepdim=True)) / (1 - share).clamp(min=1e-6)
    others[:, kinds] = sky * weight / weight.sum(1, keepdim=True)
    made = torch.cat([others, lake], 1)
    return made / made.sum(1, keepdim=True).clamp(min=1e-6)


def _names(map_: Tensor) -> Tensor:
    """Each pixel's colour as one number, `[H, W]`."""
    red, green, blue = (map_[0].clamp(0, 1) * 255).round().long()
    names: Tensor = (red << 16) + (green << 8) + blue
    return names


def _stuff(network: Network, picture: Tensor) -> _Stuff:
    pixels = _seen(picture)
    grid = max(1, pixels.shape[-2] // CELL), max(1, pixels.shape[-1] // CELL)
    names = hypercolumns.layers(network, hypercolumns.KINDS)
    seen: Mapping[str, Tensor] = features.of_picture(network, pixels, names)
    deep = [matching.vectors(_sized(seen[name], grid)) for name in names]
    deep = [each - each.mean(0) for each in deep]
    rows = torch.linspace(0, 1, grid[0], dtype=pixels.dtype)
    return _Stuff(
        [each / each.norm(dim=1).mean().clamp(min=1e-12) for each in deep],
        matching.vectors((_sized(_unrest(pixels), grid) + 0.003).log()),
        matching.vectors(_sized(pixels, grid)),
        rows[:, None].expand(grid).reshape(-1, 1),
        grid,
    )


def _seen(picture: Tensor) -> Tensor:
    return shrink(picture, SIDE / max(picture.shape[-2:]))


def _sized(x: Tensor, grid: tuple[int, int]) -> Tensor:
    smaller = x.shape[-2] > grid[0]
    return F.interpolate(x, size=grid, mode="bilinear", antialias=smaller, align_corners=False)


def _unrest(pixels: Tensor) -> Tensor:
    """How much brightness differs from its mean over five pixels, and what is around it, `[1, 1, H, W]`."""
    grey = pixels.mean(1, keepdim=True)
    unrest = (grey - _blurred(grey, 5)).abs()
    return _blurred(unrest, 2 * CELL + 1)


def _blurred(x: Tensor, side: int) -> Tensor:
    margin = min(side // 2, *(length - 1 for length in x.shape[-2:]))
    return F.avg_pool2d(F.pad(x, (margin,) * 4, mode="replicate"), 2 * margin + 1, 1)


def _standard(x: Tensor) -> Tensor:
    """`x` around its mean, with standard deviation 1."""
    spread = x - x.mean(0)
    return spread / spread.square().mean().sqrt().clamp(min=1e-6)


def _shares(vectors: Tensor, begun: Tensor) -> Tensor:
    """How far each place is of each kind, `[N, K]`: k-means, begun with the places farthest from each other."""
    centres, _ = matching.k_means(vectors, begun, ROUNDS)
    return (-torch.cdist(vectors, centres).square() / SOFTNESS).softmax(1)


def _farthest(vectors: Tensor, count: int) -> list[int]:
    """Places, each the farthest from all before it."""
    chosen = [int((vectors - vectors.mean(0)).norm(dim=1).argmax())]
    distance = (vectors - vectors[chosen[0]]).norm(dim=1)
    while len(chosen) < min(count, len(vectors)):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (vectors - vectors[chosen[-1]]).norm(dim=1))
    return chosen


def _likeness(of: _Stuff, by: _Stuff) -> Tensor:
    """How alike kinds of two pictures are, `[K, L]`: the cosines of what sets them apart, and what hints say."""
    hints = [
        HINT_CALM * torch.cdist(of.calm, by.calm),
        HINT_COLOUR * torch.cdist(of.colour, by.colour),
        HINT_HEIGHT * torch.cdist(of.height, by.height),
    ]
    likeness = _cosines(of, by) - torch.stack(hints).sum(0)
    if of.sky is None or by.sky is None:
        return likeness
    return likeness + HINT_SKY * of.sky @ by.sky.T - HINT_NO_SKY * torch.cdist(of.sky, by.sky)


def _skies_alike(of: _Stuff, by: _Stuff) -> float:
    """How sure it is that both pictures have a sky, 0..1, by the cosines of what sets theirs apart from the rest."""
    if of.sky is None or by.sky is None:
        return 0.0
    none, surely = SKIES
    alike = float(_cosines(of.of_kinds(of.sky), by.of_kinds(by.sky)))
    return min(1.0, max(0.0, (alike - none) / (surely - none)))


def _cosines(of: _Stuff, by: _Stuff) -> Tensor:
    """The cosines of what sets kinds of two pictures apart, `[K, L]`: a sum over layers."""
    pairs = zip(of.deep, by.deep, strict=True)
    return torch.stack([F.normalize(a, dim=1) @ F.normalize(b, dim=1).T for a, b in pairs]).sum(0)


def _unclaimed(likeness: Tensor, sure: Tensor) -> Tensor:
    """Likenesses `[K, L]`, where what is hardly like anything keeps away from what others are like, the more they are.

    So a thing that the style does not show goes with what is left over, and not with its neighbours' counterpart.
    """
    if len(likeness) < 2:
        return likeness
    best, second = likeness.topk(2, dim=0).values
    return likeness - (1 - 2 * sure).clamp(min=0)[:, None] * torch.where(likeness == best, second, best).clamp(min=0)


def _calmest(of: _Stuff, by: _Stuff) -> Tensor:
    """In place of a likeness, for what has no counterpart: the calm half of the style's kinds, nearest in colour."""
    calm, away = by.calm[:, 0] <= by.calm[:, 0].median(), torch.cdist(of.colour, by.colour)
    if of.sky is not None and by.sky is not None:
        away += HINT_NO_SKY * torch.cdist(of.sky, by.sky)
    return torch.where(calm[None], -away, -torch.inf)


def _map(numbers: Tensor, stuff: _Stuff, picture: Tensor) -> Tensor:
    """Places' numbers as a map of a picture's pixels, with the picture's edges."""
    places = numbers.T.reshape(1, -1, *stuff.grid)
    for radius in EDGES:
        places = matching.filtered(places, _seen(picture), radius, FLAT).clamp(0, 1)
    return places


def _decided(map_: Tensor, counts: Sequence[int]) -> Tensor:
    """A content's map, in which each place's best counterpart of each count has the full number."""
    groups = torch.split(map_, list(counts), dim=1)
    weight: float = len(counts) ** -0.5
    return torch.cat([weight * (each / each.amax(1, keepdim=True).clamp(min=1e-6)) ** DECIDED for each in groups], 1)
