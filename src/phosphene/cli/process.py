"""How many threads of the processor compute: one for each core that no other program keeps busy.

Threads wait for each other at the end of each parallel part, thousands of times a second. Where another program has one
of two cores, two threads take more than twice as long as one: docs/explanation/speed.md. Nothing here loads torch.
"""

import ctypes
import time
from collections.abc import Callable

import psutil

from phosphene.startup import loading


def _of_all() -> float:
    """Seconds that all cores together have worked."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # Linux counts them twice
    return float(sum(times) - idle - guests)


def _own() -> float:
    """Seconds that this process has worked."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


SHORTEST = 0.2  # seconds: what is counted in less says nothing


class Load:
    """How busy other programs keep the processor, from when it is made."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Counts from now on."""
        self._began, self._all, self._own = time.monotonic(), _of_all(), _own()

    def forked(self) -> None:
        """Goes on in a child, which has done nothing yet."""
        self._own = 0.0

    def others(self) -> float:
        """How many cores they have kept busy since, on the average."""
        passed = time.monotonic() - self._began
        if passed < SHORTEST:
            return 0.0
        worked = (_of_all() - self._all) - (_own() - self._own)
        return max(0.0, worked / passed)


SINCE_START = Load()  # while torch and the network are loaded, a second or two


def choose_threads(wanted: int | None, load: Load = SINCE_START) -> str | None:
    """Takes so many threads; by default as many as have a core for themselves, and at least one.

    Returns:
        Word of it, where there are fewer than usual.
    """
    import torch

    from phosphene.networks.network import use_threads

    loading.end()
    if wanted:
        use_threads(wanted)
        return None
    usual, cores, busy = torch.get_num_threads(), psutil.cpu_count() or 1, round(load.others())
    free = max(1, min(usual, cores - busy))
    if free == usual:
        return None
    use_threads(free)
    return f"other programs keep {busy} of {cores} cores busy: this one computes on {free}"


# Lets torch use its memory again, where the C library can be told to

# From glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8

LARGE = 4_000_000  # pixels of a picture whose own copies are worth handing back
HANDED_BACK = 8 << 20  # bytes of a buffer that is handed back where the picture is large


def tune_malloc(size: tuple[int, int]) -> None:
    """Asks glibc to keep freed memory for the next step.

    By default each large buffer is mapped anew and handed back when it is freed, and the system clears every page of
    it at every step. Kept buffers made whole dreams 1.2 to 1.5 times faster. But whole copies of a large picture would
    leave holes that nothing fits into. Elsewhere this does nothing.
    """
    if (mallopt := one_heap()) is None:
        return
    if size[0] * size[1] > LARGE:
        mallopt(_MMAP_THRESHOLD, HANDED_BACK)
    else:
        mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def one_heap() -> Callable[[int, int], int] | None:
    """Asks glibc for one heap in place of one for every few threads, each with holes of its own.

    The memory of a server with many threads grew by 43 % in ten minutes, and by 2 % with one heap.

    Returns:
        What sets more of its options; `None` where the C library is another.
    """
    try:
        mallopt: Callable[[int, int], int] = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return None
    mallopt(_ARENA_MAX, 1)
    return mallopt


def trim_heap() -> None:
    """Hands what is kept and not used back to the system, where the C library can be told to."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # not glibc
        return
