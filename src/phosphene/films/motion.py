"""Where each place of a frame was in the frame before, and where that cannot be said.

The flow is found by dense inverse search: Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse
Search" (2016), in OpenCV. Places that were hidden are found as Ruder, Dosovitskiy and Brox do, "Artistic Style Transfer
for Videos" (2016), section 5: there the flow back and the flow forth do not lead to the same place.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Flow = NDArray[np.float32]
"""`[H, W, 2]`: how far each place lies from where it was, to the right and down, in pixels."""

Array = NDArray[np.floating]
"""A picture's numbers, `[H, W, C]`."""

Grey = NDArray[np.uint8]
"""A frame's brightness, `[H, W]`."""

MISS, PART = 0.5, 0.05  # pixels, and share of the flow's length, by which back and forth may miss each other
STILL = 0.15  # pixels: a shorter flow is none, or what stands still would be resampled until it is soft
LEAST_SIDE = 32  # pixels: OpenCV's search takes no smaller picture, or crashes
MOST_PIXELS = 3_000_000  # in a picture whose flow is found: larger ones are shrunk for it
THIN = 13  # pixels: narrower places of which nothing is known lie at borders, where the flow is not sure


@dataclass(frozen=True)
class Motion:
    """From the frame before to this one."""

    flow: Flow  # from this frame's places to those of the frame before
    seen: Tensor  # `[1, 1, H, W]`: 1 where the frame before shows the same place, else 0

    @property
    def known(self) -> float:
        """Share of the frame that the frame before shows too."""
        return float(self.seen.mean())

    @property
    def new(self) -> Tensor:
        """`[1, 1, H, W]`: 1 where something comes into view that is wider than `THIN`, else 0."""
        return _grown(1 - _grown(self.seen, THIN), THIN)

    @property
    def moving(self) -> Tensor:
        """`[1, 1, H, W]`: 1 where the picture moves, else 0."""
        return torch.from_numpy(self.flow.any(2).astype(np.float32))[None, None]

    def carried(self, pixels: Tensor) -> Tensor:
        """What lay on the frame before, `[1, C, H, W]`, as it lies on this one; where that was not seen, a guess."""
        return _tensor(_warped(_array(pixels), self.flow))


def between(before: Grey, now: Grey) -> Motion:
    """The motion between two frames of one size."""
    height, width = now.shape
    scale = max(1, math.ceil(math.sqrt(height * width / MOST_PIXELS)))
    size = max(1, round(height / scale)), max(1, round(width / scale))
    flow, seen = _found(*(_shrunk(each, size) for each in (before, now)))
    if scale > 1:
        longer = np.array((width / size[1], height / size[0]), np.float32)
        flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * longer
        seen = cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST)
    return Motion(flow, torch.from_numpy(seen)[None, None])


def _found(before: Grey, now: Grey) -> tuple[Flow, NDArray[np.float32]]:
    """The flow back, and where it is sure, `[H, W]`."""
    back, forth = _searched(now, before), _searched(before, now)
    length = np.linalg.norm(back, axis=2)
    miss = np.linalg.norm(_warped(forth, back) + back, axis=2)
    back[length < STILL] = 0
    return back, (miss < MISS + PART * length).astype(np.float32)


def _searched(one: Grey, other: Grey) -> Flow:
    """The flow from one picture to another; small ones are mirrored at their edges until they are large enough."""
    height, width = one.shape
    borders = (0, max(0, LEAST_SIDE - height)), (0, max(0, LEAST_SIDE - width))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    first, second = (np.ascontiguousarray(np.pad(each, borders, "symmetric")) for each in (one, other))
    flow = search.calc(first, second, None)
    found: Flow = np.ascontiguousarray(flow[:height, :width])
    return found


def _shrunk(picture: Grey, size: tuple[int, int]) -> Grey:
    found: Grey = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA) if picture.shape != size else picture
    return found


def grey(frame: Tensor) -> Grey:
    """The brightness of a frame `[1, 3, H, W]`, 0..1."""
    eight = _array(frame.clamp(0, 1) * 255).round().astype(np.uint8)
    found: Grey = cv2.cvtColor(eight, cv2.COLOR_RGB2GRAY)
    return found


def _grown(mask: Tensor, side: int) -> Tensor:
    """A mask with its places grown to squares of that side."""
    return F.max_pool2d(mask, side, 1, side // 2)


def _warped(picture: Array, flow: Flow) -> Array:
    """A picture `[H, W, C]` looked up where the flow leads."""
    height, width = flow.shape[:2]
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    found: Array = cv2.remap(
        picture, across + flow[..., 0], down + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return found


def _array(pixels: Tensor) -> Array:
    array: Array = pixels[0].permute(1, 2, 0).contiguous().numpy()
    return array


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.atleast_3d(array).transpose(2, 0, 1)))[None]
