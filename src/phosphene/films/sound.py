"""The loudness and the beats of a film's sound, as numbers from 0 to 1 that a setting can follow.

Loudness is the level in decibels over windows of 40 ms, from the film's quiet level, 0, to its loud level, 1. It rises
within a frame and falls within a quarter of a second, so that a setting does not flicker.

Beats are moments at which the sound gains energy in many bands of frequency at once, as with a drum or a plucked string
(spectral flux: Bello et al., "A Tutorial on Onset Detection in Music Signals", 2005; Dixon, "Onset Detection
Revisited", 2006), by more than it usually does around that moment. At each the number jumps to as much as 1, and it
has fallen to a third after 200 ms. Tempo and bars are not looked for: what is quiet or soft between beats is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from phosphene.errors import ImageError, SettingsError

Kind = Literal["loudness", "beats"]
"""What of the sound a setting may follow."""

Numbers = NDArray[np.float64]
Samples = NDArray[np.float32]

SAMPLE_RATE = 22_050  # samples a second: frequencies up to 11 kHz, which is where beats and loudness are
RATE = 50  # values a second of an envelope
HOP = SAMPLE_RATE // RATE  # samples from one window to the next
WINDOW = 2 * HOP  # samples of a window: 40 ms

SILENCE = -70.0  # dB below full scale: what is quieter counts as silent
QUIET, LOUD = 10, 95  # percentiles of the level that become 0 and 1
LEAST_RANGE = 6.0  # dB from quiet to loud, at least: an even sound is not made to flicker
ATTACK, RELEASE = 0.02, 0.25  # seconds in which loudness goes 63 % of the way up, and down

BANDS = 24  # from 25 Hz to 11 kHz, evenly spaced as music is, so that a bass drum counts as much as a cymbal
COMPRESSION = 100.0  # magnitudes m are compared as log(1 + 100 m), so that a quiet beat counts beside a loud one
AROUND = 25  # windows before and after, half a second, whose median is what the flux usually is
ABOVE = 3.0  # times that median must a beat's flux be,
LEAST_SHARE = 0.1  # and by this share of the largest flux more,
LEAST_FLUX = 0.01  # or by so much, whichever is larger
APART = 3  # windows, 60 ms, in which there is one beat at most
DECAY = 0.2  # seconds in which a beat falls to 1/e

GAP = 0.1  # seconds that are missing between two packets of sound before they are filled with silence
_BLOCK = 10_000  # windows whose medians are taken at a time, for memory


@dataclass(frozen=True, eq=False)
class Envelope:
    """Loudness and beats over time, each `[N]`, 0..1; value `n` is that of `n / rate` seconds."""

    rate: float  # values a second
    loudness: Numbers
    beats: Numbers

    def at(self, kind: Kind, seconds: float) -> float:
        """The value at a time, 0..1, linear between two values; 0 where there is no sound any more."""
        values = self.loudness if kind == "loudness" else self.beats
        return float(np.interp(seconds * self.rate, np.arange(len(values)), values, right=0.0)) if len(values) else 0.0


def envelope(path: Path, *, begin: float = 0.0, end: float | None = None) -> Envelope:
    """The envelope of a film's first track of sound, or of a file that is sound alone; memory does not grow with it.

    Args:
        path: any file that FFmpeg reads.
        begin: seconds from the film's beginning; the envelope counts from there.
        end: seconds from the film's beginning; by default that of the sound.

    Raises:
        SettingsError: there is no sound, or none in this part.
        ImageError: the file cannot be read.
    """
    try:
        levels, fluxes = _measured(_samples(path, begin, end))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ImageError(f"The sound of {path} cannot be read: {getattr(error, 'strerror', error)}.") from error
    if not len(levels):
        raise SettingsError(
            f"{path.name} has no sound from {begin:g} s on, so that no setting can follow it.\n{_INSTEAD}"
        )
    return Envelope(RATE, loudness(levels), beats(fluxes))


_INSTEAD = 'Give points of time in place of loud: and beats:, as --strength "0:0, 5:1".'


# Samples of a file


def _samples(path: Path, begin: float, end: float | None) -> Iterator[Samples]:
    """Mono samples from `begin` to `end`, piece by piece, with silence where the sound begins later or pauses."""
    with av.open(str(path), metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise SettingsError(f"{path.name} has no sound that a setting could follow.\n{_INSTEAD}")
        origin = (container.start_time or 0) / av.time_base + begin
        if begin > 0:
            container.seek(max(0, int(origin * av.time_base)), backward=True)
        at, last = None, math.inf if end is None else round((end - begin) * SAMPLE_RATE)
        for seconds, piece in _decoded(container):
            place = round((seconds - origin) * SAMPLE_RATE) if seconds is not None else at or 0
            if at is None or place - at > GAP * SAMPLE_RATE:
                yield from _silence(max(0, at or 0), min(place, last))
                at = place
            if at >= last:
                return
            yield piece[max(0, -at) : None if last == math.inf else int(last) - at]
            at += len(piece)


def _silence(start: int, stop: float) -> Iterator[Samples]:
    """Silence between two samples, a second at a time."""
    while start < stop:
        count = int(min(SAMPLE_RATE, stop - start))
        yield np.zeros(count, np.float32)
        start += count


def _decoded(container: av.container.InputContainer) -> Iterator[tuple[float | None, Samples]]:
    """Each frame of sound as mono samples, with its time in seconds, where that is known."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    for packet in container.demux(audio=0):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # a damaged moment is silent
        for piece in (piece for frame in frames for piece in resampler.resample(frame)):
            yield piece.time, piece.to_ndarray()[0]
    for piece in resampler.resample(None):
        yield None, piece.to_ndarray()[0]


# Two numbers of each window


def _measured(pieces: Iterable[Samples]) -> tuple[Numbers, Numbers]:
    """Of each window its level in dB of full scale, and its spectral flux: what bands gained since the one before."""
    shape = np.hanning(WINDOW + 1)[:-1]
    edges = np.unique(np.geomspace(1, WINDOW // 2, BANDS + 1).round().astype(int))[:-1]
    levels, fluxes = [np.empty(0)], [np.empty(0)]
    before = None
    for windows in _windows(pieces):
        power = np.square(windows, dtype=np.float64).mean(1)
        levels.append(10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10))))
        bins = np.square(np.abs(np.fft.rfft(windows * shape, axis=1)) * (2 / shape.sum()))
        spectra = np.log1p(COMPRESSION * np.sqrt(np.add.reduceat(bins, edges, axis=1)))
        gains = np.diff(spectra, axis=0, prepend=spectra[:1] if before is None else before)
        fluxes.append(np.maximum(gains, 0).mean(1))
        before = spectra[-1:]
    level, flux = np.concatenate(levels), np.concatenate(fluxes)
    level[:1], flux[:2] = level[1:2] if len(level) > 1 else level[:1], 0  # half of the first window is before the sound
    return level, flux


def _windows(pieces: Iterable[Samples]) -> Iterator[Samples]:
    """Windows `[n, WINDOW]`, a few at a time: the middle of number n is sample n · HOP."""
    waiting, some = np.zeros(WINDOW // 2, np.float32), False
    for piece in pieces:
        some = some or len(piece) > 0
        waiting = np.concatenate([waiting, piece])
        count = (len(waiting) - WINDOW) // HOP + 1
        if count > 0:
            yield sliding_window_view(waiting, WINDOW)[::HOP][:count]
            waiting = waiting[count * HOP :]
    if some:
        yield np.pad(waiting, (0, WINDOW - len(waiting)))[None]


# What a setting follows


def loudness(levels: Numbers) -> Numbers:
    """Levels in dB to 0..1: from the quiet level of the sound to its loud one, up quickly and down slowly."""
    quiet, loud = np.percentile(levels, (QUIET, LOUD))
    if loud <= SILENCE:
        return np.zeros(len(levels))
    low = min(quiet, loud - LEAST_RANGE)
    wanted = np.clip((levels - low) / (loud - low), 0, 1)
    up, down = (1 - math.exp(-1 / (RATE * seconds)) for seconds in (ATTACK, RELEASE))
    found, now = np.empty(len(wanted)), float(wanted[0])
    for number, value in enumerate(wanted):
        now += (up if value > now else down) * (value - now)
        found[number] = now
    return found


def beats(fluxes: Numbers) -> Numbers:
    """Spectral fluxes to 0..1: the height of each beat, which then dies away. Half of all beats have height 1."""
    over = fluxes - ABOVE * _medians(fluxes)
    heights = np.where(_peaks(fluxes, over), over, 0.0)
    if heights.any():
        heights = np.minimum(1, heights / np.median(heights[heights > 0]))
    keeps, now = math.exp(-1 / (RATE * DECAY)), 0.0
    found = np.empty(len(heights))
    for number, height in enumerate(heights):
        now = max(height, keeps * now)
        found[number] = now
    return found


def _peaks(fluxes: Numbers, over: Numbers) -> NDArray[np.bool_]:
    """Where the flux is the largest around, and is over what it usually is by enough; of equals the first."""
    before = sliding_window_view(np.pad(fluxes, (APART, 0), constant_values=-1), APART + 1)[:, :-1].max(1)
    after = sliding_window_view(np.pad(fluxes, (0, APART), constant_values=-1), APART + 1).max(1)
    enough = max(LEAST_FLUX, LEAST_SHARE * fluxes.max(initial=0))
    peaks: NDArray[np.bool_] = (fluxes > before) & (fluxes >= after) & (over >= enough)
    return peaks


def _medians(fluxes: Numbers) -> Numbers:
    """The median around each window."""
    around = sliding_window_view(np.pad(fluxes, AROUND, mode="edge"), 2 * AROUND + 1)
    blocks = [np.median(around[start : start + _BLOCK], axis=1) for start in range(0, len(around), _BLOCK)]
    return np.concatenate(blocks)
