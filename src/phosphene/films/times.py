"""When the frames of a film are shown that is in segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from math import lcm
from pathlib import Path

import av

from phosphene.errors import ImageError, SettingsError
from phosphene.films.videos import opened


@dataclass(frozen=True)
class FrameTimes:
    """Segments, and the times of their frames."""

    segments: tuple[Path, ...]
    times: tuple[Fraction, ...]  # of all frames, in seconds
    rate: Fraction  # frames a second, on average

    @property
    def length(self) -> Fraction:
        """Seconds; the last frame is shown for as long as the others, or as they are on average."""
        steps = {after - before for before, after in pairwise(self.times)}
        return self.times[-1] + (steps.pop() if len(steps) == 1 else 1 / self.rate)

    @property
    def durations(self) -> list[Fraction]:
        """Seconds that each frame is shown."""
        return [after - before for before, after in pairwise((*self.times, self.length))]

    def ticks(self, most: int, otherwise: int) -> int:
        """How many ticks of a second hold all times exactly, if these are at most so many."""
        exact = lcm(*(time.denominator for time in self.times))
        return exact if exact <= most else otherwise

    def frames(self) -> Iterator[av.VideoFrame]:
        """PyAV's frames, decoded one after another."""
        for path in self.segments:
            with opened(path) as container:
                yield from container.decode(container.streams.video[0])


def frame_times(segments: Sequence[Path], times: Sequence[Fraction] | None = None) -> FrameTimes:
    """The times of segments, with the times that they were written with, or with others.

    Raises:
        ImageError: there is no segment, or a file is none.
        SettingsError: there are not as many times as frames, or they do not grow.
    """
    if not segments:
        raise ImageError("There is no segment to join: not a single frame was made.")
    stored = list(chain.from_iterable(_times(path) for path in segments))
    times = stored if times is None else times
    if len(times) != len(stored):
        raise SettingsError(f"{len(times)} times do not fit {len(stored)} frames.")
    if any(after <= before for before, after in pairwise(times)):
        raise SettingsError("The times of a film have to grow from frame to frame.")
    with opened(segments[-1]) as container:
        return FrameTimes(tuple(segments), tuple(times), Fraction(container.streams.video[0].average_rate))


def _times(path: Path) -> list[Fraction]:
    """What the second track of a segment says."""
    with opened(path) as container:
        if not container.streams.video or not container.streams.subtitles:
            raise ImageError(f"{path.name} is no segment of a film.\nWrite it again.")
        try:
            packets = container.demux(container.streams.subtitles[0])
            return [Fraction(bytes(packet).decode()) for packet in packets if packet.size]
        except (ValueError, ZeroDivisionError) as error:
            raise ImageError(f"{path.name} is a damaged segment of a film.\nWrite it again.") from error
