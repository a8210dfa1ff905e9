"""Where a brush may paint, as a mask."""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.features.correspondence import Regions
from phosphene.painting.document import Selection
from phosphene.pixels.transforms import at

FINE = 4  # times as large as the view is an outline drawn, so that its edge is smooth


def drawn_round(outline: tuple[tuple[float, float], ...], height: int, width: int) -> Tensor:
    """What a closed line goes round, `[1, 1, h, w]`, 0..1, of points x and y in pixels of the view."""
    drawn = Image.new("L", (width * FINE, height * FINE))
    ImageDraw.Draw(drawn).polygon([(x * FINE, y * FINE) for x, y in outline], fill=255)
    small = drawn.resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small, np.float32) / 255)[None, None]


def numbered(regions: Regions, height: int, width: int) -> Tensor:
    """The number of each pixel's region, from 1, `[1, h, w]`."""
    return at(regions.shares, height, width).argmax(1).add_(1)


def mask_of(selection: Selection, regions: Regions, height: int, width: int) -> Tensor:
    """A selection as a mask `[1, 1, h, w]`, 0..1; regions that the picture does not have are nowhere."""
    mask = torch.zeros(1, 1, height, width, dtype=torch.float32)
    if selection.regions:
        chosen = torch.isin(numbered(regions, height, width), torch.tensor(selection.regions))
        mask = F.avg_pool2d(chosen[None].float(), 3, 1, 1, count_include_pad=False)  # an edge of two pixels
    if selection.outline:
        mask = torch.maximum(mask, drawn_round(selection.outline, height, width))
    return 1 - mask if selection.inverted else mask
