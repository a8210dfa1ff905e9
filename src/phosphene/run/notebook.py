"""A picture in a Jupyter notebook that grows while it is made."""

import base64
import html
import signal
import threading
import time
from typing import Any

from torch import Tensor

from phosphene import images
from phosphene.ascent import Step
from phosphene.errors import SettingsError, StopRequested
from phosphene.pixels.transforms import within

REST = 4  # times as long as a drawing took, until the next: drawing takes a fifth of the time at most
QUALITY = 85  # of the JPEG; it is looked at for a moment

_OUTSIDE = (
    "phosphene.Live() shows a picture in a Jupyter notebook, and this is none.\n"
    "Install Jupyter (pip install jupyterlab), or watch a file: phosphene PICTURE --preview now.jpg"
)


class Live:
    """Shows a run below a notebook's cell as it grows: `phosphene.dream("photo.jpg", on_step=phosphene.Live())`.

    One picture is drawn again a few times a second, with how far the run is and its score. The notebook's Interrupt
    ends the run after the step that it is in, and keeps what there is, as `phosphene.StopRequested` does; pressed
    twice, it ends the cell. It serves any function that takes `on_step`, and several runs, one after the other.

    Args:
        long_side: of the picture that is shown, in pixels; the run's own stays as large as it is.
        pause: seconds from one drawing to the next, at least.

    Raises:
        SettingsError: there is no notebook.
    """

    def __init__(self, *, long_side: int = 640, pause: float = 0.3) -> None:
        if long_side < 1:
            raise SettingsError(f"A long side of {long_side} pixels shows nothing. Allowed: 1 or more.")
        self._display = _notebooks_display()
        self._side, self._pause = long_side, pause
        self._shown: Any = None  # IPython's handle of what stands below the cell
        self._done = self._due = 0.0
        self._interrupt: _Interrupt | None = None

    def __call__(self, step: Step) -> None:
        """Draws a step, unless the last drawing is too fresh.

        Raises:
            StopRequested: the notebook's Interrupt was pressed.
        """
        if self._interrupt is None or step.done < self._done:
            self._begin()
        assert self._interrupt
        self._done = step.done
        wished = self._interrupt.wished
        if wished or step.done >= 1 or time.monotonic() >= self._due:
            self._draw(step, "Stopped; this is kept: " if wished else "")
        if wished or step.done >= 1:
            self._interrupt.end()
            self._interrupt = None
        if wished:
            raise StopRequested

    def _begin(self) -> None:
        """Another run: a picture of its own, drawn at once."""
        if self._interrupt:  # of a run that an error ended
            self._interrupt.end()
        self._shown, self._due, self._interrupt = None, 0.0, _Interrupt()

    def _draw(self, step: Step, before: str) -> None:
        began = time.monotonic()
        bundle = _bundle(within(step.picture().float(), self._side), before + caption(step))
        if self._shown is None:
            self._shown = self._display(bundle, raw=True, display_id=True)
        else:
            self._shown.update(bundle, raw=True)
        ended = time.monotonic()
        self._due = ended + max(self._pause, REST * (ended - began))


def caption(step: Step) -> str:
    """Where a run is, in a line."""
    place = f"{step.counted} {step.octave} of {step.octaves} · step {step.step} of {step.steps}"
    return f"{place} · score {step.score:.4g} · {step.done:.0%}"


class _Interrupt:
    """Hears the notebook's Interrupt, from now until `end`; the kernel itself takes that back when the cell ends."""

    def __init__(self) -> None:
        self.wished = False
        self._hears = threading.current_thread() is threading.main_thread()
        self._before = signal.signal(signal.SIGINT, self._heard) if self._hears else None

    def end(self) -> None:
        """Leaves Interrupt to whoever heard it before."""
        if self._hears:
            signal.signal(signal.SIGINT, self._before or signal.default_int_handler)

    def _heard(self, *_: object) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True


def _notebooks_display() -> Any:
    """IPython's `display`, where there is a kernel behind it: a terminal shows no pictures."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError as error:
        raise SettingsError(_OUTSIDE) from error
    if getattr(get_ipython(), "kernel", None) is None:
        raise SettingsError(_OUTSIDE)
    return display


def _bundle(pixels: Tensor, words: str) -> dict[str, str]:
    """A picture and the words below it, for notebooks, and the words alone for those who read."""
    jpeg = base64.b64encode(images.encode(pixels, "jpeg", quality=QUALITY)[0]).decode()
    said = html.escape(words)
    picture = f'<img src="data:image/jpeg;base64,{jpeg}" alt="{said}">'
    return {"text/html": f"<div>{picture}<br><small>{said}</small></div>", "text/plain": words}
