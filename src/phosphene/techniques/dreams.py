"""Dreams: a picture or a canvas, dreamt upon in memory."""

from dataclasses import replace
from functools import partial

from torch import Tensor

from phosphene import objectives
from phosphene.ascent import OnStep, Reached, Step, gradient
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import transforms
from phosphene.pixels.tiles import Box
from phosphene.recipes import dream as recipe
from phosphene.recipes.fields import Values, combined
from phosphene.recipes.settings import BEST, DreamSettings, split_region
from phosphene.recipes.settings import settings as choose
from phosphene.techniques import files
from phosphene.techniques.aims import Aim, aim, asks_for_best, expected
from phosphene.techniques.engine import Album, Engine, OnReached, PreparedPicture


class Dreams(Engine[DreamSettings]):
    """Makes dreams."""

    def begin(
        self,
        picture: Picture,
        settings: DreamSettings,
        network: Network,
        album: Album,
        objective: Objective | None = None,
    ) -> PreparedPicture:
        """As `Engine.begin`: objectives, masks and regions, and the layers that suit a guide."""
        aimed = aim(picture, settings, network, album, objective)
        make = partial(_dreamt, picture, aimed, network)
        notes = aimed.notes + _small(picture, aimed.settings)
        forecast = partial(expected, picture, aimed, network)
        return PreparedPicture(aimed.settings, str(aimed.objective), make, notes, forecast)

    def check(self, settings: DreamSettings, network: Network, album: Album) -> str:
        """As `Engine.check`; layers that are to suit a guide are not known yet."""
        for name in files.pictures(settings):
            album.picture(name)
        for _, wish, _ in map(split_region, settings.region):
            if wish:
                objectives.read(wish).prepare(network, album)
        return str(self._objective(settings, network, album))

    def for_variant(self, settings: DreamSettings, network: Network) -> DreamSettings:
        """As `Engine.for_variant`: the layer that the network dreams of by itself."""
        named = settings.layer or settings.objective or settings.guide
        return settings if named else replace(settings, layer=network.default_layer)

    def recorded(self, settings: DreamSettings, network: Network) -> dict[str, object]:
        """As `Engine.recorded`, with the layer that the network dreams of by itself."""
        layer = None if settings.objective else settings.layer or network.default_layer
        return super().recorded(settings, network) | {"layer": layer}

    def again(self, then: Values, changes: Values) -> DreamSettings:
        """As `Engine.again`; a change may be a preset."""
        return choose(**combined(DreamSettings, then, changes))

    def for_network(
        self, settings: DreamSettings, network: Network, changes: Values
    ) -> tuple[DreamSettings, tuple[str, ...]]:
        """As `Engine.for_network`: a network that lacks the recorded layer dreams at its own."""
        asked = "layer" in changes or settings.objective is not None
        if asked or recipe.goal(network, settings).layers <= set(network.layers):
            return settings, ()
        note = f"{network.name} has no {settings.layer}: it dreams at {network.default_layer}"
        return replace(settings, layer=None), (note,)

    def chosen_for_each(self, settings: DreamSettings) -> tuple[str, ...]:
        """As `Engine.chosen_for_each`: the layers that suit a guide."""
        return ("layer",) if asks_for_best(settings) else ()

    def tiles(self, settings: DreamSettings, network: Network, album: Album, size: tuple[int, int]) -> list[Box] | None:
        """As `Engine.tiles`: those of the last octave, where all is dreamt alike."""
        if settings.region or settings.mask:
            return None
        objective = self._objective(settings, network, album)
        sizes = transforms.sizes(*size, settings.octaves, settings.octave_scale)
        tiling = recipe.tilings_of(network, objective, settings, sizes)[-1]
        return gradient.boxes(sizes[-1], network, objective, tiling)

    def _objective(self, settings: DreamSettings, network: Network, album: Album) -> Objective:
        """What is maximised, ready for the network."""
        known = replace(settings, layer=None) if settings.layer == BEST else settings
        return recipe.goal(network, known).prepare(network, album)


def _dreamt(
    picture: Picture,
    aimed: Aim,
    network: Network,
    on_step: OnStep,
    reached: Reached | None,
    on_reached: OnReached,
) -> Tensor:
    """The dream, which reaches something with each step."""

    def told(step: Step) -> None:
        if step.done < 1:
            on_reached(Reached(step.octave, step.step, step.pixels))
        on_step(step)

    return recipe.dream(
        picture.pixels,
        network,
        aimed.objective,
        settings=aimed.settings,
        mask=aimed.mask,
        regions=aimed.regions,
        reached=reached,
        on_step=told,
    )


def _small(picture: Picture, settings: DreamSettings) -> tuple[str, ...]:
    """Word of a picture that is too small for all octaves."""
    height, width = picture.pixels.shape[-2:]
    fit = len(transforms.sizes(height, width, settings.octaves, settings.octave_scale))
    return (f"the picture is small: it dreamt at {fit} of {settings.octaves} sizes",) if fit < settings.octaves else ()
