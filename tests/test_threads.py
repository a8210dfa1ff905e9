"""How many threads compute beside other programs."""

from types import SimpleNamespace

import pytest
import torch

from phosphene.cli import process as threads


class Computer:
    """Cores, and how busy they have been, as psutil tells it."""

    def __init__(self, monkeypatch, cores):
        self.cores, self.seconds, self.worked, self.own = cores, 0.0, 0.0, 0.0
        monkeypatch.setattr(threads.psutil, "cpu_count", lambda: cores)
        monkeypatch.setattr(threads.psutil, "cpu_times", self.times)
        monkeypatch.setattr(threads.psutil, "Process", lambda: SimpleNamespace(cpu_times=self.mine))
        monkeypatch.setattr(threads.time, "monotonic", lambda: self.seconds)
        monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
        monkeypatch.setattr(torch, "set_num_threads", self.use)
        self.used = None

    def use(self, count):
        self.used = count

    def times(self):
        class Times(tuple):
            idle = self.cores * self.seconds - self.worked

        return Times((self.worked, Times.idle))

    def mine(self):
        return SimpleNamespace(user=self.own, system=0.0)

    def passes(self, seconds, others, own=1.0):
        self.seconds += seconds
        self.worked += seconds * (others + own)
        self.own += seconds * own


@pytest.mark.parametrize(
    ("cores", "others", "wanted"),
    [(2, 0.0, None), (2, 0.3, None), (2, 0.9, 1), (2, 5.0, 1), (8, 2.1, 6), (8, 0.4, None), (1, 1.0, None)],
)
def test_cores_that_others_keep_busy_are_left_to_them(monkeypatch, cores, others, wanted):
    computer = Computer(monkeypatch, cores)
    load = threads.Load()
    computer.passes(2.0, others)
    told = threads.choose_threads(None, load)
    assert computer.used == wanted
    assert (told is None) == (wanted is None)
    assert told is None or f"computes on {wanted}" in told


def test_what_is_asked_for_is_taken(monkeypatch):
    computer = Computer(monkeypatch, 4)
    load = threads.Load()
    computer.passes(2.0, 3.0)
    assert threads.choose_threads(4, load) is None
    assert computer.used == 4


def test_a_child_begins_at_nothing_and_a_moment_says_nothing(monkeypatch):
    computer = Computer(monkeypatch, 4)
    computer.passes(5.0, 0.0)
    load = threads.Load()
    computer.own = 0.0
    load.forked()
    computer.passes(0.1, 3.0)
    assert load.others() == 0
    computer.passes(1.9, 2.0)
    assert load.others() == pytest.approx(2.05)


def test_the_real_load_is_that_of_the_real_machine():
    load = threads.Load()
    sum(range(3_000_000))  # this process alone is not counted
    assert 0 <= load.others() <= threads.psutil.cpu_count() + 1
