"""What a tile's border takes from the gradient, and what the receptive field says it should.

A pixel's gradient is a sum over the positions that see it: g(q) = Σ_p J(p, q)ᵀ a(p). A border at the column b does
three things to it. Positions beyond b are not there. Those before b that look beyond it see zeros, and answer
otherwise. And on the way back from any position, J passes ReLUs, which are open or shut as the picture had it: near
the border some of these switches are thrown.

Let e(p, q) be the energy of what position p says to pixel q, |J(p, q)ᵀ a(p)|²: the effective receptive field (Luo, Li,
Urtasun and Zemel, 2016). If what two positions say to one pixel is as likely to agree as to differ, energies add,
and of ∂score/∂q the first two take the share

    A(q) = Σ_p e(p, q) · (1 if p is beyond b else F(p)) / Σ_p e(p, q),    F(p) = Σ_{q beyond b} e(p, q) / Σ_q e(p, q).

A path back to q is whole if each switch on it stands as it did. Let G_l be the share of the activations of layer l
whose switches stay open: those that were barely open are thrown most easily, and say least. If layers are independent
(as in the mean-field theory of deep networks: Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, 2017), the share lost of
all is

    L(q) = 1 - (1 - A(q)) · Π_l G_l(q),

where a layer of several branches counts with their mean, and one that a shortcut passes by with the shortcut's as 1.
e needs pictures without a border, G forward passes alone. The measurement cuts the pictures and asks how much of the
gradient is left, 1 - ⟨g_cut, g⟩/⟨g, g⟩, by the distance from the cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from phosphene import features
from subjects import Subject, seeded


def lost(subject: Subject, pictures: Iterable[Tensor], *, reach: int) -> Tensor:
    """The share of the gradient lost at the distances 0 .. reach-1 from a border, `[reach]`."""
    kept, there = torch.zeros(reach), torch.zeros(reach)
    for pixels in pictures:
        for upright in (pixels, pixels.transpose(2, 3)):
            along, of = _products(subject, upright.contiguous(), reach)
            kept += along
            there += of
    return 1 - kept / there


def _products(subject: Subject, pixels: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """⟨g_cut, g⟩ and ⟨g, g⟩ by the distance from a cut through the middle, on both of its sides."""
    whole = subject.gradient(pixels)
    cut = pixels.shape[-1] // 2 // subject.stride * subject.stride
    left, right = subject.gradient(pixels[..., :cut].contiguous()), subject.gradient(pixels[..., cut:].contiguous())
    before, behind = whole[..., :cut], whole[..., cut:]
    pairs = ((left.flip(3), before.flip(3)), (right, behind))
    along = sum((part * of).sum((0, 1, 2))[:reach] for part, of in pairs)
    return along, sum(of.square().sum((0, 1, 2))[:reach] for _, of in pairs)


def spread(subject: Subject, pictures: Iterable[Tensor], *, draws: int) -> Tensor:
    """The effective receptive field, `[2·field + 1]`: energy by the pixel's distance from the position's first pixel.

    Each column of positions speaks alone, every position with a random sign: what they say of one another then
    cancels on average, and the energies are left.
    """
    side, generator = subject.field, seeded(0)
    energy = torch.zeros(2 * side + 1)
    for pixels in pictures:
        for upright in (pixels, pixels.transpose(2, 3)):
            for column, found in _columns(subject, upright.contiguous(), draws, generator):
                start = side - column * subject.stride
                low, high = max(0, start), min(2 * side + 1, start + len(found))
                energy[low:high] += found[low - start : high - start]
    return energy / energy.sum()


def _columns(subject: Subject, pixels: Tensor, draws: int, generator: torch.Generator) -> Iterator[tuple[int, Tensor]]:
    """Some columns of positions around the middle, and the energy of what they say to each column of pixels."""
    leaf = pixels.clone().requires_grad_()
    activations = features.extract(subject.network, leaf, {subject.layer})[subject.layer]
    middle, around = activations.shape[-1] // 2, max(1, activations.shape[-1] // 8)
    for column in range(middle - around, middle + around):
        said = torch.zeros_like(activations)
        said[..., column] = activations[..., column].detach()
        for _ in range(draws):
            signs = torch.randint(0, 2, (1, 1, activations.shape[2], 1), generator=generator) * 2 - 1
            (g,) = torch.autograd.grad(activations, leaf, said * signs, retain_graph=True)
            yield column, g.square().sum((0, 1, 2))


def unheard(subject: Subject, energy: Tensor, *, reach: int) -> Tensor:
    """A: the share `[reach]` of the positions that are absent, and of what the others no longer see."""
    side, stride = subject.field, subject.stride
    far = -(-side // stride) + 1  # positions that may bear on a pixel, each way
    missing, total = torch.zeros(reach), torch.zeros(reach)
    for pixel in range(-reach, 0):  # the border stands before pixel 0, the positions at the multiples of the stride
        for position in range(pixel // stride - far, far + 1):
            offset = side + pixel - position * stride
            if 0 <= offset < len(energy):
                share = 1 if position >= 0 else energy[side - position * stride :].sum()
                missing[-1 - pixel] += energy[offset] * share
                total[-1 - pixel] += energy[offset]
    return missing / total


Stage = Sequence[Sequence[str]]  # branches side by side, each of some ReLUs one after the other


def stages(subject: Subject) -> list[Stage]:
    """The ReLUs between the pixels and the layer."""
    names = list(subject.network.layers)
    names = names[: names.index(subject.layer) + 1]
    if subject.network.name == "googlenet":
        return _stages_of_googlenet(names)
    return _stages_of_efficientnet(names)


def _stages_of_googlenet(names: Sequence[str]) -> list[Stage]:
    branches = (("1x1",), ("3x3_reduce", "3x3"), ("5x5_reduce", "5x5"), ("pool_proj",))
    modules = [name.removesuffix("/output") for name in names if name.endswith("/output")]
    stem = [[["conv1/7x7_s2"]], [["conv2/3x3_reduce"]], [["conv2/3x3"]]]
    return [*stem, *([[f"{module}/{each}" for each in branch] for branch in branches] for module in modules)]


SHORTCUTS = (2, 4, 6, 7, 9, 10, 12, 13, 14)  # EfficientNet-Lite0's blocks that add what they were given


def _stages_of_efficientnet(names: Sequence[str]) -> list[Stage]:
    found: list[Stage] = [[["stem"]]]
    for block in (name for name in names if name.startswith("block") and "/" not in name):
        steps = [name for name in (f"{block}/expand", f"{block}/depthwise") if name in names]
        found.append([steps, []] if int(block.removeprefix("block")) in SHORTCUTS else [steps])
    return found


def unthrown(subject: Subject, pictures: Iterable[Tensor], *, reach: int) -> Tensor:
    """Π_l G_l: the share `[reach]` of the ways back on which every switch stands as it did."""
    found = stages(subject)
    names = [name for stage in found for branch in stage for name in branch]
    still = _still(subject, names, pictures, reach)
    kept = torch.ones(reach)
    for stage in found:
        branches = [torch.stack([still[name] for name in branch]).prod(0) if branch else 1 for branch in stage]
        kept *= sum(branches) / len(branches)
    return kept


def _still(subject: Subject, names: Sequence[str], pictures: Iterable[Tensor], reach: int) -> dict[str, Tensor]:
    """For each layer, the share `[reach]` of what it says that is not shut, by the pixel's distance from the cut."""
    stay, were = ({name: torch.zeros(reach) for name in names} for _ in range(2))
    for pixels in pictures:
        for upright in (pixels, pixels.transpose(2, 3)):
            cut = upright.shape[-1] // 2 // subject.stride * subject.stride
            whole, part = (_said(subject, side.contiguous(), names) for side in (upright, upright[..., :cut]))
            for name in names:
                places = torch.arange(cut - 1, cut - 1 - reach, -1) // subject.network.layer(name).stride
                stay[name] += (whole[name][..., : part[name].shape[-1]] * (part[name] > 0)).sum((0, 1, 2))[places]
                were[name] += whole[name].sum((0, 1, 2))[places]
    return {name: stay[name] / were[name] for name in names}


@torch.no_grad()
def _said(subject: Subject, pixels: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    return features.extract(subject.network, pixels, set(names))
