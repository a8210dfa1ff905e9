"""What is drawn in a picture, as the likeness of its places to each other, whatever they look like.

After Kolkin, Salavon and Shakhnarovich, "Style Transfer by Relaxed Optimal Transport and Self-Similarity" (STROTSS,
2019): a roof may take on any paint, as long as its places stay as alike to each other, and as unlike the sky's, as they
were. We differ in that cosines are compared as they are, not as shares of a row's sum, and each layer on its own grid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phosphene import features
from phosphene.features import hypercolumns
from phosphene.networks import Network

SEES = (147,)  # pixels that the compared layers see: things, and their parts
PLACES = 700  # that are compared with each other, by chance anew at each look
KEEP = 0.6  # weight of what is drawn, at strength 0.5
FIRMEST = 3.2  # its weight at the least strengths, so that the first step is no leap


def structure_weight(strength: float) -> float:
    """The weight of what is drawn beside that of the style, for a strength of 0..1: at 1 nothing need be kept.

    >>> [round(structure_weight(strength), 2) for strength in (0.2, 0.5, 0.8, 1.0)]
    [2.4, 0.6, 0.15, 0.0]
    """
    return min(FIRMEST, KEEP * (1 - strength) / max(strength, 1e-6))


class Structure:
    """The term for one window.

    Attributes:
        names: of the layers that it compares; whoever asks for a distance brings what they show.
    """

    def __init__(self, network: Network) -> None:
        """Knows nothing of the content until it has looked."""
        self.names = hypercolumns.layers(network, SEES)
        self.chance = Generator().manual_seed(0)
        self.places: list[Tensor] = []
        self.wanted: list[Tensor] = []

    @torch.no_grad()
    def look(self, content: features.Features) -> None:
        """Chooses places, and keeps how alike they are in the content."""
        self.places = [self._chosen(content[name]) for name in self.names]
        self.wanted = self._likeness(content)

    def distance(self, seen: features.Features) -> Tensor:
        """How far the places' likenesses are from the content's: a mean, 0 to 2; differentiable."""
        parts = [(now - then).abs().mean() for now, then in zip(self._likeness(seen), self.wanted, strict=True)]
        return torch.stack(parts).mean()

    def _chosen(self, activations: Tensor) -> Tensor:
        count = activations.shape[-2] * activations.shape[-1]
        return torch.randperm(count, generator=self.chance)[:PLACES]

    def _likeness(self, seen: features.Features) -> list[Tensor]:
        return [cosines(seen[name], places) for name, places in zip(self.names, self.places, strict=True)]


def cosines(activations: Tensor, places: Tensor) -> Tensor:
    """How alike places of a layer `[1, C, h, w]` are, `[N, N]`: cosines of their features around the mean of these."""
    vectors = activations[0].flatten(1)[:, places]
    around = F.normalize(vectors - vectors.mean(1, keepdim=True), dim=0)
    return around.T @ around
