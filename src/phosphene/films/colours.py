"""Colours of films: what a decoded picture's numbers mean, as sRGB pixels; and how it has to be turned.

Films of high dynamic range are mapped to the ordinary one: their light in nits (ITU-R BT.2100: PQ, or HLG on a screen
of 1000 nits) is divided by the 203 nits of diffuse white (ITU-R BT.2408), taken from the primaries of BT.2020 to those
of sRGB, and what is brighter than `KNEE` runs out in a soft shoulder that keeps the hue.
"""

import struct
from dataclasses import dataclass

import av
import numpy as np
import torch
from av.video.reformatter import Colorspace, Interpolation
from torch import Tensor

PQ, HLG = 16, 18  # transfer characteristics, as ITU-T H.273 numbers them
KNEE = 0.75  # of diffuse white: below it, light stays as it is
_UNSPECIFIED, _BT2020 = 2, 9  # matrix and primaries in H.273
_MATRICES = (1, 4, 5, 6, 7, 9, 10)  # of H.273, those that the scaler knows
_HD = 720  # rows from which on a film that does not say so is BT.709
_DIFFUSE_WHITE = 203.0  # nits
_FROM_BT2020 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT


@dataclass(frozen=True)
class Turn:
    """How a stored picture becomes upright: rows and columns change places, then it is mirrored."""

    transposed: bool = False
    across: bool = False  # mirrored left to right
    down: bool = False  # mirrored top to bottom

    def __call__(self, planes: Tensor) -> Tensor:
        """Turns `[..., H, W]`."""
        planes = planes.transpose(-1, -2) if self.transposed else planes
        sides = [side for side, wanted in ((-1, self.across), (-2, self.down)) if wanted]
        return planes.flip(sides) if sides else planes


def turn_of(frame: av.VideoFrame) -> Turn:
    """What a frame's display matrix asks for: phones write one; angles between quarters are taken to the nearest."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = struct.unpack_from("=5i", bytes(data))
            transposed = abs(b) > abs(a)
            return Turn(transposed, (c if transposed else a) < 0, (b if transposed else d) < 0)
    return Turn()


def is_hdr(frame: av.VideoFrame) -> bool:
    """Whether a frame's numbers mean light up to thousands of nits."""
    return frame.color_trc in (PQ, HLG)


def depth_of(frame: av.VideoFrame) -> int:
    """Bits per channel."""
    bits: int = max(component.bits for component in frame.format.components)
    return bits


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether a frame's pixels have transparency."""
    return any(component.is_alpha for component in frame.format.components)


def pixels_of(frame: av.VideoFrame, size: tuple[int, int], turn: Turn, *, alpha: bool) -> tuple[Tensor, Tensor | None]:
    """A decoded frame as pixels `[1, 3, H, W]`, sRGB 0..1, and its alpha `[1, 1, H, W]` if `alpha`.

    Args:
        frame: PyAV's.
        size: height and width of the stored picture with square pixels; it is stretched to that.
        turn: makes it upright.
        alpha: whether the film has transparency.
    """
    deep = depth_of(frame) > 8 or is_hdr(frame)
    peak = 65535 if deep else 255
    format = ("rgba" if alpha else "rgb") + (("64le" if alpha else "48le") if deep else ("" if alpha else "24"))
    array = _rgb(frame, size, format).to_ndarray().astype(np.float32)
    planes = turn(torch.from_numpy(array).permute(2, 0, 1)[None]).div(peak).contiguous()
    pixels = planes[:, :3].contiguous()
    if is_hdr(frame):
        pixels = tone_mapped(pixels, frame.color_trc, wide=frame.color_primaries == _BT2020)
    return pixels, planes[:, 3:].contiguous() if alpha else None


def _rgb(frame: av.VideoFrame, size: tuple[int, int], format: str) -> av.VideoFrame:
    """The frame in an RGB format of FFmpeg's; a matrix that it does not name is guessed from its size."""
    known = frame.format.is_rgb or frame.colorspace in _MATRICES
    guess = Colorspace.ITU709 if frame.height >= _HD else Colorspace.ITU601
    return frame.reformat(
        width=size[1],
        height=size[0],
        format=format,
        src_colorspace=None if known else guess,
        interpolation=_SCALING,
        threads=1,
    )


def tone_mapped(pixels: Tensor, transfer: int, *, wide: bool) -> Tensor:
    """Pixels `[1, 3, H, W]` of PQ or HLG as sRGB 0..1; `wide` says that their primaries are those of BT.2020."""
    light = (_nits_of_pq(pixels) if transfer == PQ else _nits_of_hlg(pixels)) / _DIFFUSE_WHITE
    if wide:
        light = torch.einsum("ij,njhw->nihw", light.new_tensor(_FROM_BT2020), light)
    light = light.clamp_min(0)
    brightest = light.amax(1, keepdim=True)
    shoulder = KNEE + (1 - KNEE) * (1 - torch.exp((KNEE - brightest) / (1 - KNEE)))
    light = light * torch.where(brightest > KNEE, shoulder / brightest.clamp_min(KNEE), 1)
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp_min(1e-8).pow(1 / 2.4) - 0.055)


def _nits_of_pq(values: Tensor) -> Tensor:
    """SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = values.pow(1 / m2)
    return 10_000 * ((root - c1).clamp_min(0) / (c2 - c3 * root)).pow(1 / m1)


def _nits_of_hlg(values: Tensor) -> Tensor:
    """ITU-R BT.2100, on a screen of 1000 nits, whose system gamma is 1.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = torch.where(values <= 0.5, values.square() / 3, (torch.exp((values - c) / a) + b) / 12)
    weights = scene.new_tensor((0.2627, 0.6780, 0.0593)).view(1, 3, 1, 1)
    luminance = (scene * weights).sum(1, keepdim=True)
    return 1000 * luminance.clamp_min(1e-6).pow(0.2) * scene
