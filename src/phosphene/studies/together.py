"""A study's variants on many workers, one each. Its functions load Dask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from phosphene.errors import Stop
from phosphene.studies import making
from phosphene.studies.maker import VariantMaker
from phosphene.studies.making import Made
from phosphene.studies.plan import Variant


def make(
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

    errands = Errands(client, one, told, lambda: bool(stopped))
    orders = [partial(variants.__getitem__, number) for number in range(len(variants))]
    for number, outcome in errands.run(orders, maker):
        yield variants[number], outcome


def one(variant: Variant, maker: VariantMaker, teller: Any) -> Made:
    """Makes one variant, in a worker, and tells of its steps; one at a time.

    Raises:
        Stop: an end was wished for.
        PhospheneError: it could not be made.
    """
    from phosphene.cluster.tasks import ONE

    with ONE:
        teller.check()
        return making.make(variant, maker, teller)
