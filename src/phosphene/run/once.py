"""One run, from a picture to a picture that says how it was made."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from phosphene import images, networks
from phosphene.ascent import OnStep, Step
from phosphene.canvases import canvas, is_canvas
from phosphene.errors import SettingsError, Stop
from phosphene.images import Picture
from phosphene.journal import Journal
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes import dream as recipe_of_dreams
from phosphene.recipes.hands import MakeHands
from phosphene.recipes.settings import DreamSettings
from phosphene.recipes.settings import settings as choose
from phosphene.record import Record
from phosphene.run.aims import Aim, aim
from phosphene.run.album import Album
from phosphene.run.forecast import expected
from phosphene.run.kept import Checkpoint, Keep
from phosphene.run.large import LargeDream, OnForecast, large
from phosphene.run.provenance import origin_of, provenance
from phosphene.run.watch import Watch, telling_of_memory
from phosphene.run.wishes import Wishes
from phosphene.transforms import within

CANVAS_SIZE = (768, 512)  # width and height of a canvas that was asked for without a size
SHOWN = 1024  # pixels of the longer side, in a notebook


@dataclass(frozen=True)
class Dream:
    """A finished dream, or what there was when it was stopped.

    Attributes:
        pixels: `[1, 3, H, W]`, sRGB 0..1.
        record: how it was made.
        source: the picture it began as; its transparency, depth and EXIF go into the files that `save` writes.
        notes: what the user should hear.
        journal: of a run that was kept while it grew; close it when the picture is saved.
    """

    pixels: Tensor
    record: Record
    source: Picture
    notes: tuple[str, ...] = ()
    journal: Journal | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    @property
    def image(self) -> Image.Image:
        """The picture for Pillow, 8 bits a channel."""
        return Image.open(io.BytesIO(self.encode("png", depth=8)[0]))

    def encode(
        self, format: str, *, metadata: bool = True, quality: int = 95, depth: int | None = None
    ) -> tuple[bytes, tuple[str, ...]]:
        """The bytes of a `png`, `jpeg`, `webp` or `tiff` file, and what the user should hear about them."""
        return images.encode(self.pixels, format, **self._extras(metadata, quality, depth))

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, metadata: bool = True, quality: int = 95
    ) -> tuple[str, ...]:
        """Writes the picture, whole or not at all, with its record unless `metadata` is false.

        Returns:
            What the user should hear, such as that JPEG has no transparency.

        Raises:
            ImageError: the name, the folder or an existing file stands in the way.
            RoomError: the disk is full.
        """
        return images.save(self.pixels, path, overwrite=overwrite, **self._extras(metadata, quality, None))

    def _extras(self, metadata: bool, quality: int, depth: int | None) -> dict[str, Any]:
        texts = {"metadata": self.record.metadata(), "exif": self.source.exif} if metadata else {}
        return {"alpha": self.source.alpha, "depth": depth or self.source.depth, "quality": quality, **texts}

    def _repr_jpeg_(self) -> bytes:
        """For notebooks: small, since as PNG twelve megapixels would add 25 MB to the notebook's file."""
        alpha = None if self.source.alpha is None else within(self.source.alpha, SHOWN)
        return images.encode(within(self.pixels, SHOWN), "jpeg", alpha=alpha, quality=90)[0]


def dream(
    image: images.Source,
    *,
    recipe: str | None = None,
    preset: str | None = None,
    network: Network | None = None,
    objective: Objective | str | None = None,
    guide: images.Source | Sequence[images.Source] | None = None,
    mask: images.Source | None = None,
    regions: Sequence[tuple[images.Source, Objective | str, float]] = (),
    on_step: OnStep | None = None,
    size: tuple[int, int] | None = None,
    long_side: int | None = None,
    max_pixels: int = images.MAX_PIXELS,
    keep: Keep | None = None,
    on_forecast: OnForecast | None = None,
    hands: MakeHands | None = None,
    **changes: Any,
) -> Dream | LargeDream:
    """Dreams upon a picture; one that memory cannot hold dreams on disk.

    Args:
        image: a path, an image of Pillow's, an array, a tensor, bytes, or the name of a canvas, as `clouds`.
        recipe: somebody's settings: `google2015`, `tensorflow2016`.
        preset: a look; see `phosphene.recipes.presets.PRESETS`.
        network: by default the one that the setting `model` names.
        objective: by default what `layer`, `channel` and `maximise` describe, or a text as `--objective` takes it.
        guide: a picture, or several, whose shapes are dreamt into this one.
        mask: a picture of where: white dreams, black stays; or `alpha`, the picture's own transparency.
        regions: masks, what is dreamt there (`""`: the same), and at what strength.
        on_step: called with each `Step`; raise `phosphene.Stop` there to end early and keep what there is.
        size: width and height of a canvas, in pixels.
        long_side: shrinks the picture first.
        max_pixels: refuses larger pictures; 0 refuses none.
        keep: where the run keeps how far it came; a run that stopped goes on from there.
        on_forecast: is told what a long dream will take, before it is begun.
        hands: makes the steps of a dream on disk; by default this computer.
        **changes: any field of `DreamSettings`.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    wishes = Wishes.of(objective, guide, mask, regions)
    chosen = choose(recipe=recipe, preset=preset, **wishes.changes(changes))
    network = network or networks.load_for(chosen)
    chosen = replace(chosen, dtype=network.precision)
    album = Album(network.dtype, named=wishes.named)
    return dream_of(
        image,
        chosen,
        network,
        album,
        objective=wishes.objective,
        opening={"size": size, "long_side": long_side, "max_pixels": max_pixels, "seed": chosen.seed},
        on_step=on_step,
        keep=keep,
        on_forecast=on_forecast,
        hands=hands,
    )


def dream_of(
    image: images.Source,
    chosen: DreamSettings,
    network: Network,
    album: Album,
    *,
    opening: Mapping[str, Any],
    objective: Objective | None = None,
    on_step: OnStep | None = None,
    keep: Keep | None = None,
    on_forecast: OnForecast | None = None,
    hands: MakeHands | None = None,
) -> Dream | LargeDream:
    """The dream of a picture, or of a canvas's name, in memory or on disk; `opening` is for `open_source`."""
    with telling_of_memory():
        if opening["long_side"] is None and (found := large(image, chosen, network, objective, album, keep)):
            return found.dream(on_step, on_forecast, max_pixels=opening["max_pixels"], hands=hands)
        source, origin = open_source(image, network.dtype, **opening)
        aimed = aim(source, chosen, network, album, objective)
        if on_forecast and (forecast := expected(source, aimed, network)):
            on_forecast(forecast)
        return make(source, origin, aimed, network, album, on_step, keep)


def open_source(
    image: images.Source,
    dtype: torch.dtype,
    *,
    size: tuple[int, int] | None,
    long_side: int | None,
    max_pixels: int,
    seed: int,
) -> tuple[Picture, dict[str, Any]]:
    """The picture, and what the record says of it; a canvas is painted with the seed."""
    if is_canvas(image):
        if long_side:
            raise SettingsError("--long-side shrinks pictures; a canvas has the size that --size gives it.")
        width, height = size or CANVAS_SIZE
        painted = Picture(canvas(image, height, width, seed=seed, dtype=dtype), None, 8, image, None)
        return painted, {"canvas": image, "seed": seed, "width": width, "height": height}
    if size:
        raise SettingsError("A size is for canvases; --long-side shrinks a picture.")
    picture = images.load(image, dtype=dtype, long_side=long_side, max_pixels=max_pixels)
    return picture, origin_of(picture, long_side)


def make(
    source: Picture,
    origin: Mapping[str, Any],
    aimed: Aim,
    network: Network,
    album: Album,
    on_step: OnStep | None,
    keep: Keep | None = None,
) -> Dream:
    """The dream of a picture that is open, with its record; a `Stop` keeps what there is."""
    known = provenance(aimed.settings, network, aimed.objective) | {"pictures": album.hashes, "input": dict(origin)}
    checkpoint = Checkpoint(keep.journal(known)) if keep else None
    watch = Watch(on_step, checkpoint)
    try:
        pixels = recipe_of_dreams.dream(
            source.pixels,
            network,
            aimed.objective,
            settings=aimed.settings,
            mask=aimed.mask,
            regions=aimed.regions,
            reached=checkpoint.reached(network.dtype) if checkpoint else None,
            on_step=watch,
        )
        complete = True
    except Stop:
        pixels, complete = watch.picture(), False
    made = Record(**known, **watch.ended(pixels.shape[-2:], source.depth, complete))
    notes = source.notes + network.notes + aimed.notes + _small(watch.last, aimed.settings)
    if checkpoint:
        return Dream(pixels, made, source, notes + checkpoint.notes, checkpoint.journal)
    return Dream(pixels, made, source, notes)


def _small(last: Step | None, chosen: DreamSettings) -> tuple[str, ...]:
    """Word of a picture that was too small for all octaves."""
    if last is None or last.octaves == chosen.octaves:
        return ()
    return (f"the picture is small: it dreamt at {last.octaves} of {chosen.octaves} sizes",)
