"""What can go wrong, each with one line of meaning.

Every error that a user can cause is a `PhospheneError`; its message says what was given, what is allowed, and what to
do next. The command line prints the message and leaves with the error's `exit_code`.
"""

import errno
from collections.abc import Iterable
from difflib import get_close_matches

DISK_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""What the system's errors say where a disk, or a user's share of it, has no room."""


class PhospheneError(Exception):
    """Anything that Phosphene refuses, with a message for the person who asked."""

    exit_code = 2


class ImageError(PhospheneError):
    """A picture cannot be read or written."""


class SettingsError(PhospheneError):
    """A setting is impossible, or settings contradict each other."""


class UnknownNameError(PhospheneError):
    """A layer, channel, network, preset or recipe that does not exist."""


class RecordError(PhospheneError):
    """A picture carries no run record, or one that cannot be read."""


class NonFiniteError(PhospheneError):
    """A score or a gradient became infinite or not-a-number."""

    exit_code = 1


class WeightsError(PhospheneError):
    """A network's weights are missing, damaged or not what their name says."""

    exit_code = 3


class OutOfSpaceError(PhospheneError):
    """Memory or disk space does not suffice."""

    exit_code = 4


class ClusterError(PhospheneError):
    """The machines that were to help are not there, not alike, or lost."""

    exit_code = 5


class Stop(Exception):  # noqa: N818 - it is a wish, not an error
    """Raised from `on_step` to end a run early and keep what there is."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the known name nearest to `name`, or nothing.

    >>> nearest("blok8", ["block7", "block8"])
    " Did you mean 'block8'?"
    >>> nearest("zzz", ["block8"])
    ''
    """
    matches = get_close_matches(name, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""
