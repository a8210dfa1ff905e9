"""What keeps a chain of pictures from drifting: colours and fineness are held to those of the first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.films.flight import Placement
from phosphene.films.views import prefiltered
from phosphene.pixels import transforms

_RATE = 0.5  # of the way back to the first picture's spread of colours that each picture goes
_MOST = 1.25  # by which one picture's contrast may be changed
_FINER = 0.6  # of its finest band, that one picture may gain or lose
_OUTSIDE = 0.1  # how much fineness outside the middle counts, where the middle may count for nothing
_SHOWN = 0.75  # of a key picture's size, at which its fineness counts: a frame's


@dataclass(frozen=True)
class Levels:
    """Colours and fineness of a picture, as numbers of the CPU in double precision."""

    mean: Tensor  # `[3]`, of each channel
    covariance: Tensor  # `[3, 3]`, of the channels
    fineness: float  # mean magnitude of the brightness's Laplacian at the frame's size, in the middle quarter

    @classmethod
    def of(cls, pixels: Tensor) -> Levels:
        """Of a picture `[1, 3, H, W]`."""
        return cls(*_colours(pixels[0].flatten(1)), _fineness(pixels, middle(pixels)))

    @classmethod
    def unpack(cls, numbers: Tensor) -> Levels:
        """The inverse of `pack`."""
        return cls(numbers[:3], numbers[3:12].reshape(3, 3), float(numbers[12]))

    def pack(self) -> Tensor:
        """All of it as `[13]` numbers."""
        return torch.cat((self.mean, self.covariance.flatten(), self.mean.new_tensor([self.fineness])))


def middle(pixels: Tensor) -> Tensor:
    """A mask `[1, 1, H, W]` of a picture's middle quarter."""
    mask = torch.zeros_like(pixels[:, :1])
    top, left = (side // 4 for side in mask.shape[-2:])
    mask[..., top : mask.shape[-2] - top, left : mask.shape[-1] - left] = 1
    return mask


def hold(pixels: Tensor, to: Levels, beside: Tensor | None = None) -> Tensor:
    """A picture `[1, 3, H, W]` with colours nearer to the levels, and brightness as fine as theirs; 0..1.

    Fineness is measured in the middle quarter; where `beside` `[1, 1, H, W]`, 0..1, is given, only as far as it is 1,
    and a little outside the middle, which may all be 0.
    """
    counted = middle(pixels) if beside is None else (middle(pixels) + _OUTSIDE) * beside
    coloured = _hold_colours(pixels, to)
    band = _finest(coloured)
    now, finer = _fineness(coloured, counted), _fineness(coloured + band, counted)
    gain = (to.fineness - now) / max(finer - now, 1e-9)
    return coloured.add_(band, alpha=min(_FINER, max(-_FINER, gain))).clamp_(0, 1)


def _colours(flat: Tensor) -> tuple[Tensor, Tensor]:
    """Mean `[3]` and covariance `[3, 3]` of pixels `[3, N]`, in double precision."""
    flat = flat.double()
    return flat.mean(1), torch.cov(flat, correction=0)


def _hold_colours(pixels: Tensor, to: Levels) -> Tensor:
    """The mean, and the spread a part of the way, by the map that moves colours least (Pitié and Kokaram 2007)."""
    flat = pixels[0].flatten(1)
    mean, covariance = _colours(flat)
    change = torch.lerp(torch.eye(3, dtype=torch.float64), _transport(covariance, to.covariance), _RATE)
    offset = to.mean - change @ mean
    moved = change.to(flat.dtype) @ flat + offset.to(flat.dtype)[:, None]
    return moved.reshape(pixels.shape)


def _transport(now: Tensor, wanted: Tensor) -> Tensor:
    """The symmetric `[3, 3]` matrix that takes one covariance to another, as far as the limit on contrast allows."""
    root, inverse = _power(now, 0.5), _power(now, -0.5)
    change = inverse @ _power(root @ wanted @ root, 0.5) @ inverse
    values, vectors = torch.linalg.eigh((change + change.T) / 2)
    return _composed(values.clamp(1 / _MOST, _MOST), vectors)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric matrix; values that rounding made zero or less count as small."""
    values, vectors = torch.linalg.eigh(matrix)
    return _composed(values.clamp_min(1e-9).pow(exponent), vectors)


def _composed(values: Tensor, vectors: Tensor) -> Tensor:
    """The symmetric matrix with these eigenvalues and eigenvectors."""
    return vectors @ torch.diag(values) @ vectors.mT


def _finest(pixels: Tensor) -> Tensor:
    """The finest Laplacian band of the brightness, `[1, 1, H, W]`."""
    return transforms.laplacian_(pixels.mean(1, keepdim=True), 1)[0]


def _fineness(pixels: Tensor, counted: Tensor) -> float:
    grey = pixels.mean(1, keepdim=True)
    size = round(grey.shape[-2] * _SHOWN), round(grey.shape[-1] * _SHOWN)
    shown = prefiltered(grey, 1 / _SHOWN).shown(Placement(1.0, 0.0, (0.0, 0.0)), size)
    kernel = shown.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    weight = transforms.at(counted, *size)[..., 1:-1, 1:-1]
    return float((F.conv2d(shown, kernel[None, None]).abs() * weight).sum() / weight.sum().clamp_min(1e-9))
