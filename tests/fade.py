"""A fourth technique, all of it: a picture fades towards its negative, step by step."""

from dataclasses import dataclass
from functools import partial

import torch

from phosphene.ascent import Reached, Step
from phosphene.recipes.fields import Settings, ascent, look
from phosphene.techniques import Technique
from phosphene.techniques.engine import Engine, PreparedPicture


@dataclass(frozen=True)
class FadeSettings(Settings):
    """How to fade."""

    model: str = look("efficientnet-lite0", "the network", holds="model", because="as for dreams")
    weights: str | None = look(None, "its weights", holds="weights")
    dtype: str = look("float32", "arithmetic", allowed=("float32", "float64"), because="as for dreams")
    strength: float = look(1.0, "how far it goes towards the negative", allowed=(0, 1), because="the unit")
    steps: int = ascent(4, "steps of the way", allowed=(1, 100), because="the unit")


class Fades(Engine):
    """Makes fades."""

    def begin(self, picture, settings, network, cache, objective=None):
        return PreparedPicture(settings, "its negative", partial(fade, picture.pixels, settings))

    def check(self, settings, network, cache):
        return "its negative"


def fade(pixels, settings, on_step, reached, on_reached):
    faded, steps = reached.pixels if reached else pixels, settings.steps
    for number in range((reached.step if reached else 0) + 1, steps + 1):
        faded = torch.lerp(pixels, 1 - pixels, settings.strength * number / steps)
        on_reached(Reached(1, number, faded))
        on_step(Step(faded, 0.0, number, steps, 1, 1, number / steps, pixels.shape[-2:], partial(torch.clone, faded)))
    return faded


FADE = Technique("fade", "fades", FadeSettings, FadeSettings, "fade:Fades", about="Fades a picture.")
