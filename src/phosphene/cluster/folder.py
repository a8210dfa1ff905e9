"""A folder of pictures, made by many workers, a picture each.

Pictures travel as the bytes of their files, so that workers need not reach them; the network and the pictures that
the settings name are sent once. A lost worker's pictures are made by others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from distributed import Client

from phosphene.cluster.errands import Errands, Teller
from phosphene.cluster.tasks import ONE
from phosphene.images.sources import Sent
from phosphene.networks import Network
from phosphene.pixels.canvases import is_canvas
from phosphene.run import Dream, Prepared, prepare
from phosphene.techniques import TECHNIQUES
from phosphene.techniques.engine import Opening
from phosphene.techniques.files import pictures


@dataclass(frozen=True)
class Order:
    """A picture that is to be made.

    Attributes:
        source: what it is made of: a file, the name of a canvas, or `None` where the settings say it.
        settings: of the technique.
        opening: how it is opened.
    """

    source: Sent | str | None
    settings: Any
    opening: Opening


Outcome: TypeAlias = tuple[Dream, float] | Exception
"""A picture, perhaps one that was stopped, and its seconds; or why there is none: `Stop` before its first step."""


@dataclass
class Folder:
    """Pictures that are made together.

    Attributes:
        client: a connection to the workers.
        ready: how they are made.
        tell: is told, now and then, which share of all the work is done.
        stopped: whether an end is wished for; what is begun is kept as it is then.
    """

    client: Client
    ready: Prepared
    tell: Callable[[float], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False

    def make(self, orders: Sequence[Callable[[], Order]]) -> Iterator[tuple[int, Outcome]]:
        """The number of each picture, from 0, and what came of it, as they are done.

        An order is made only when its turn comes, so that few files are in memory.

        Raises:
            ClusterError: the scheduler is lost, or no worker is there.
        """
        errands = Errands(self.client, make_one, self.tell, self.stopped)
        names = dict.fromkeys(pictures(self.ready.settings))
        sent = [Sent.of(name) for name in names if not is_canvas(name)]
        return errands.run(orders, self.ready.network, (self.ready.technique.name, sent))


def make_one(order: Order, network: Network, sent: tuple[str, Sequence[Sent]], teller: Teller) -> tuple[Dream, float]:
    """Makes one picture, in a worker, and tells of its steps; one at a time. Says how many seconds it took.

    Raises:
        Stop: the end was wished for before the first step.
        PhospheneError: as `Prepared.make` does.
    """
    with ONE:
        teller.check()
        began = time.monotonic()
        return _made(order, network, *sent, teller), time.monotonic() - began


def _made(order: Order, network: Network, technique: str, named: Sequence[Sent], teller: Teller) -> Dream:
    """The picture; its source's pixels are left out, which nobody needs any more."""
    source = order.source.open() if isinstance(order.source, Sent) else order.source
    files = {each.name: each.open() for each in named}
    ready = prepare(TECHNIQUES[technique], order.settings, network, named=files, opening=order.opening)
    made = ready.make(source, on_step=teller)
    if not isinstance(made, Dream):
        raise TypeError(f"a file that was sent is made in memory, not as a {type(made).__name__}")
    blank = replace(made.source, pixels=made.source.pixels[..., :0, :0].clone())
    return replace(made, source=blank, draw_regions=None)
