"""Where each place of a frame was in the frame before, and where that cannot be said.

The flow is found by dense inverse search: Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse
Search" (2016), in OpenCV. Places that were hidden are found as Ruder, Dosovitskiy and Brox do, "Artistic Style Transfer
for Videos" (2016), section 5: there the flow back and the flow forth do not lead to the same place.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Flow = NDArray[np.float32]
"""`[H, W, 2]`: how far each place lies from where it was, to the right and down, in pixels."""

Grey = NDArray[np.uint8]
"""A frame's brightness, `[H, W]`."""

MISS, PART = 0.5, 0.05  # pixels, and share of the flow's length, by which back and forth may miss each other
STILL = 0.15  # pixels: a shorter flow is none, or what stands still would be resampled until it is soft
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
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, forth = search.calc(now, before, None), search.calc(before, now, None)
    length = np.linalg.norm(back, axis=2)
    miss = np.linalg.norm(_warped(forth, back) + back, axis=2)
    seen = (miss < MISS + PART * length).astype(np.float32)
    flow = np.where((length < STILL)[..., None], 0, back).astype(np.float32)
    return Motion(flow, torch.from_numpy(seen)[None, None])


def grey(frame: Tensor) -> Grey:
    """The brightness of a frame `[1, 3, H, W]`, 0..1."""
    eight = _array(frame.clamp(0, 1) * 255).round().astype(np.uint8)
    found: Grey = cv2.cvtColor(eight, cv2.COLOR_RGB2GRAY)
    return found


def _grown(mask: Tensor, side: int) -> Tensor:
    """A mask with its places grown to squares of that side."""
    return F.max_pool2d(mask, side, 1, side // 2)


def _warped(picture: NDArray[Any], flow: Flow) -> NDArray[Any]:
    """A picture `[H, W, C]` looked up where the flow leads."""
    height, width = flow.shape[:2]
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    found: NDArray[Any] = cv2.remap(
        picture, across + flow[..., 0], down + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return found


def _array(pixels: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = pixels[0].permute(1, 2, 0).contiguous().numpy()
    return array


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.atleast_3d(array).transpose(2, 0, 1)))[None]
