"""One variant made: its picture, how its score rose, and what the measures say of it."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from phosphene import images, measures, networks
from phosphene.ascent import OnStep, Step
from phosphene.errors import SettingsError, Stop
from phosphene.images import name_of
from phosphene.images.sources import Sent
from phosphene.measures import Lattice
from phosphene.networks import Network
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings, Values
from phosphene.records.record import Facts, Record
from phosphene.run import Dream, Prepared
from phosphene.run.kept import telling_of_memory
from phosphene.series.shelf import Subject, flags
from phosphene.studies.plan import Axis, Variant
from phosphene.techniques import Technique
from phosphene.techniques.engine import CANVAS_SIZE, Album, Opened, Opening, pictures

# Makes the variants of one picture, whatever the technique: opened once, known again, asked for on a command line


@dataclass
class Library:
    """The networks of a study, each loaded once."""

    loaded: dict[tuple[Any, ...], Network] = field(default_factory=dict)

    def take(self, network: Network, axes: Sequence[Axis]) -> Facts:
        """Takes a network that is loaded already; gives the settings that stand for it.

        Raises:
            SettingsError: the networks are what is varied.
        """
        varied = [axis.name for axis in axes if axis.name in ("model", "weights", "dtype")]
        if varied:
            raise SettingsError(f"The network is given, and {varied[0]} is varied. Leave one of the two out.")
        named = {"model": network.name, "weights": None, "dtype": network.precision}
        self.loaded[tuple(named.values())] = network
        return named

    def __call__(self, settings: Any) -> Network:
        """The network that settings name.

        Raises:
            PhospheneError: it cannot be loaded.
        """
        key = (settings.model, settings.weights, settings.dtype)
        if key not in self.loaded:
            self.loaded[key] = networks.load_for(settings)
        return self.loaded[key]


@dataclass
class VariantMaker:
    """A technique, and the picture whose variants it makes.

    Attributes:
        technique: makes them.
        image: what the picture is read from; of a pattern, what it is of.
        library: the networks.
        opening: how the picture is opened.
        named: the files that settings name, by name: workers need not reach them.
    """

    technique: Technique
    image: images.Source
    library: Library
    opening: Opening = field(default_factory=Opening)
    named: dict[str, Sent] = field(default_factory=dict)
    _opened: dict[tuple[Any, ...], Opened] = field(default_factory=dict)
    _objectives: dict[Any, str] = field(default_factory=dict)

    def choose(self, values: Values) -> Any:
        """Settings of values, as complete as they can be before a picture is made.

        Raises:
            PhospheneError: an impossible value, a layer or a network that is not there.
        """
        word = {"of": str(self.image) if self.image else None} if self._words else {}
        chosen = self.technique.choose(**word, **values)
        network = self.library(chosen)
        chosen = self.technique.engine.for_variant(chosen, network)
        self._objectives[chosen] = self.technique.engine.check(chosen, network, Album(network.dtype))
        return chosen

    @property
    def _words(self) -> bool:
        return self.technique.takes == "words"

    def prepare(self, settings: Settings) -> None:
        """Opens everything that such a picture needs, so that nothing is wanting later, wherever it is made.

        Raises:
            PhospheneError: it cannot be read, or tiles are too small for their overlap.
        """
        self.opened(settings)
        for name in pictures(settings):
            if name not in self.named and not is_canvas(name):
                self.named[name] = Sent.of(name)
        self.lattice(settings)

    def make(self, settings: Settings, on_step: OnStep) -> Dream:
        """Makes a picture."""
        network = self.library(settings)
        ready = Prepared(self.technique, settings, network, self._album(network), self.opening)
        return ready.make_opened(*self.opened(settings), on_step=on_step)

    def is_of(self, found: Record, settings: Settings) -> bool:
        """Whether a record is that of such a picture, and of a whole one."""
        network, (_, origin) = self.library(settings), self.opened(settings)
        of_it = found.input == origin and found.pictures.items() <= self._hashes(settings).items()
        same = self.technique.engine.is_of(found, settings, network, self._objectives[settings])
        return of_it and same and found.complete

    @property
    def subject(self) -> Subject:
        """The picture's name, and its size in full."""
        _, origin = next(iter(self._opened.values()))
        width, height = origin["width"], origin["height"]
        if self._words:
            return Subject(str(self.image) if self.image else self.technique.name, width, height, painted=True)
        if "canvas" in origin:
            return Subject(origin["canvas"], width, height, painted=True, sized=(width, height) != CANVAS_SIZE)
        return Subject(name_of(self.image), width, height)

    def words(self, settings: Settings, output: str) -> list[str]:
        """The command line that makes such a picture."""
        subject, opening = self.subject, self.opening
        command = [] if self.technique.name == "dream" else [self.technique.name]
        own = flags(settings, self.technique.settings(), settings.names())
        sized = opening.size is not None if self._words else subject.sized
        size = ["--size", f"{subject.width}x{subject.height}"] if sized else []
        side = ["--long-side", str(opening.long_side)] if opening.long_side else []
        of = [] if self._words else [subject.word]
        return ["phosphene", *command, *of, *own, *size, *side, "-o", output]

    def lattice(self, settings: Settings) -> Lattice | None:
        """Where tiles meet in such a picture; `None` if nobody knows, so that it is searched for.

        Raises:
            SettingsError: tiles or memory too small for the overlap.
        """
        network, (height, width) = self.library(settings), self.opened(settings)[0].pixels.shape[-2:]
        boxes = self.technique.engine.tiles(settings, network, self._album(network), (height, width))
        return None if boxes is None else Lattice.of(boxes)

    def photograph(self, settings: Settings) -> Tensor | None:
        """The picture that such a picture began as, `[1, 3, H, W]`; `None` where it began as noise."""
        return None if self._words else self.opened(settings)[0].pixels

    def opened(self, settings: Any) -> Opened:
        """The picture; a canvas is painted with the seed."""
        key = (settings.dtype, settings.seed if is_canvas(self.image) else None)
        if key not in self._opened:
            image = None if self._words else self.image
            engine, dtype = self.technique.engine, getattr(torch, settings.dtype)
            self._opened[key] = engine.open(image, settings, self.opening, dtype)
        return self._opened[key]

    def _album(self, network: Network) -> Album:
        """The pictures that settings name, to be opened."""
        return Album(network.dtype, named={name: sent.open() for name, sent in self.named.items()})

    def _hashes(self, settings: Settings) -> dict[str, str]:
        """SHA-256 of the files that settings name, by names without folders."""
        found = [name for name in pictures(settings) if name in self.named]
        return {name_of(name): hashlib.sha256(self.named[name].data).hexdigest() for name in found}


@dataclass
class Curve:
    """The score at each step, octave by octave.

    Attributes:
        octaves: of each, its number, its height and width, and its scores.
    """

    octaves: list[Facts] = field(default_factory=list)

    def __call__(self, step: Step) -> None:
        """Takes a step."""
        if not self.octaves or self.octaves[-1]["octave"] != step.octave:
            height, width = step.pixels.shape[-2:]
            self.octaves.append({"octave": step.octave, "height": height, "width": width, "scores": []})
        self.octaves[-1]["scores"].append(float(step.score))


@dataclass(frozen=True)
class Made:
    """A variant that is there.

    Attributes:
        picture: the file, a PNG with its record.
        facts: its seconds, its curve, its measures and its spectra, as JSON has them.
    """

    picture: bytes
    facts: Facts


def make(variant: Variant, maker: VariantMaker, on_step: OnStep) -> Made:
    """Makes a variant.

    Raises:
        Stop: it was ended early; half a picture is none.
        PhospheneError: it could not be made.
    """
    curve, began = Curve(), time.monotonic()

    def told(step: Step) -> None:
        curve(step)
        on_step(step)

    with telling_of_memory():
        made = maker.make(variant.settings, told)
    if not made.record.complete:
        raise Stop
    seconds = time.monotonic() - began
    picture, _ = made.encode("png", depth=8)
    facts = {"seconds": round(seconds, 3), "threads": torch.get_num_threads(), "curve": curve.octaves}
    return Made(picture, facts | look(picture, variant, maker))


def look(picture: bytes, variant: Variant, maker: VariantMaker) -> Facts:
    """What the measures say of a picture, as it lies in its file; its spectrum, and that of its change."""
    pixels = images.load(picture, dtype=torch.float32, max_pixels=0).pixels
    photograph = maker.photograph(variant.settings)
    photograph = None if photograph is None else photograph.to(pixels.dtype)
    lattice = maker.lattice(variant.settings)
    return {
        "ruler": ruler(),
        "measures": measures.measure(pixels, photograph, lattice=lattice),
        "spectrum": spectrum(pixels),
        "change": None if photograph is None else spectrum(pixels - photograph),
    }


@cache
def ruler() -> str:
    """What tells these measures from those of another version of the program: their source's SHA-256."""
    parts = sorted(files("phosphene.measures").iterdir(), key=lambda part: part.name)
    texts = [part.read_bytes() for part in parts if part.name.endswith(".py")]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def spectrum(pixels: Tensor) -> dict[str, list[float]]:
    """The energy in each octave band, and its period in pixels."""
    periods, energy = measures.spectrum(pixels)
    return {"periods": periods.tolist(), "energy": energy.tolist()}


# A study's variants on many workers, one each. Its functions load Dask


def make_on_workers(
    client: Any, variants: Sequence[Variant], maker: VariantMaker, tell: Callable[[float], None]
) -> Iterator[tuple[Variant, Made | Exception]]:
    """Variants, and what came of each, as they are done.

    `tell` hears now and then which share of the work is done; if it raises `Stop`, no more are begun, and those that
    are being made are given up.

    Raises:
        ClusterError: nobody helps.
    """
    from phosphene.cluster import Errands

    stopped: list[bool] = []

    def told(done: float) -> None:
        try:
            tell(done)
        except Stop:
            stopped.append(True)

    errands = Errands(client, make, told, lambda: bool(stopped))
    orders = [partial(variants.__getitem__, number) for number in range(len(variants))]
    for number, outcome in errands.run(orders, maker):
        yield variants[number], outcome
