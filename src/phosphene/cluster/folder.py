"""A folder of pictures, dreamt upon by many workers, a picture each.

Pictures travel as the bytes of their files, so that workers need not reach them; the network and the pictures that
the settings name are sent once. A lost worker's pictures are dreamt by others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from distributed import Client

from phosphene import run
from phosphene.ascent import OnStep
from phosphene.canvases import is_canvas
from phosphene.cluster.errands import Errands, Teller
from phosphene.cluster.tasks import ONE
from phosphene.images.sources import Sent
from phosphene.networks import Network
from phosphene.recipes.settings import DreamSettings
from phosphene.run import Dream
from phosphene.run.album import Album
from phosphene.run.once import dream_of


@dataclass(frozen=True)
class Order:
    """A picture that is to be dreamt upon.

    Attributes:
        source: its file, or the name of a canvas.
        size: a canvas's width and height.
        long_side: shrinks a picture first.
        max_pixels: refuses larger ones.
    """

    source: Sent | str
    size: tuple[int, int] | None
    long_side: int | None
    max_pixels: int


Outcome: TypeAlias = tuple[Dream, float] | Exception
"""A dream, perhaps one that was stopped, and its seconds; or why there is none: `Stop` before its first step."""


@dataclass
class Folder:
    """Pictures that are dreamt upon together.

    Attributes:
        client: a connection to the workers.
        network: what dreams.
        settings: of all pictures.
        tell: is told, now and then, which share of all the work is done.
        stopped: whether an end is wished for; what is begun is kept as it is then.
    """

    client: Client
    network: Network
    settings: DreamSettings
    tell: Callable[[float], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False

    def dream(self, orders: Sequence[Callable[[], Order]]) -> Iterator[tuple[int, Outcome]]:
        """The number of each picture, from 0, and what came of it, as they are done.

        An order is made only when its turn comes, so that few files are in memory.

        Raises:
            ClusterError: the scheduler is lost, or no worker is there.
        """
        errands = Errands(self.client, dream_one, self.tell, self.stopped)
        return errands.run(orders, self.network, (self.settings, named_files(self.settings)))


def named_files(settings: DreamSettings) -> list[Sent]:
    """The files that the settings name: guides and masks."""
    return [Sent.of(name) for name in dict.fromkeys(run.names(settings)) if not is_canvas(name)]


def dream_one(
    order: Order, network: Network, sent: tuple[DreamSettings, Sequence[Sent]], teller: Teller
) -> tuple[Dream, float]:
    """Dreams upon one picture, in a worker, and tells of its steps; one at a time. Says how many seconds it took.

    Raises:
        Stop: the end was wished for before the first step.
        PhospheneError: as `run.dream` does.
    """
    with ONE:
        teller.check()
        began = time.monotonic()
        return _dreamt(order, network, *sent, teller), time.monotonic() - began


def _dreamt(order: Order, network: Network, settings: DreamSettings, named: Sequence[Sent], on_step: OnStep) -> Dream:
    """The dream; its source's pixels are left out, which nobody needs any more."""
    source = order.source if isinstance(order.source, str) else order.source.open()
    opening = {"size": order.size, "long_side": order.long_side, "max_pixels": order.max_pixels, "seed": settings.seed}
    album = Album(network.dtype, named={each.name: each.open() for each in named})
    made = dream_of(source, settings, network, album, opening=opening, on_step=on_step)
    if not isinstance(made, Dream):
        raise TypeError(f"a file that was sent dreams in memory, not as a {type(made).__name__}")
    return replace(made, source=replace(made.source, pixels=made.source.pixels[..., :0, :0].clone()))
