"""Lets torch use its memory again, where the C library can be told to."""

import ctypes

# From glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8

LARGE = 4_000_000  # pixels of a picture whose own copies are worth handing back
HANDED_BACK = 8 << 20  # bytes of a buffer that is handed back where the picture is large


def keep_buffers(size: tuple[int, int]) -> None:
    """Asks glibc to keep freed memory for the next step.

    By default each large buffer is mapped anew and handed back when it is freed, and the system clears every page of
    it at every step. Kept buffers made whole dreams 1.2 to 1.5 times faster. But whole copies of a large picture would
    leave holes that nothing fits into. Elsewhere this does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return
    mallopt(_ARENA_MAX, 1)
    if size[0] * size[1] > LARGE:
        mallopt(_MMAP_THRESHOLD, HANDED_BACK)
    else:
        mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def give_back() -> None:
    """Hands what is kept and not used back to the system, where the C library can be told to."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # not glibc
        return
