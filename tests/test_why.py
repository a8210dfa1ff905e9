"""The essay on shifts and octaves: its numbers are those that were measured, and a rough run finds the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NUMBERS = ROOT / "benchmarks" / "why.json"


@pytest.fixture
def essay(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "why"))
    import essay

    return essay


def test_the_pages_numbers_are_those_that_were_measured(essay):
    for page in essay.PAGES:
        text = (ROOT / page).read_text("utf-8")
        assert essay.MARK.search(text)
        assert essay.filled(text, json.loads(NUMBERS.read_text("utf-8"))) == text


def test_a_number_that_was_not_measured_is_an_error(essay):
    with pytest.raises(KeyError):
        essay.filled("<!-- n borders/nothing/lost/0 -->1<!-- / -->", {"borders": {}})


@pytest.mark.slow
def test_a_rough_run_finds_the_same(tmp_path):
    subprocess.run([sys.executable, ROOT / "benchmarks" / "why", "--fast", "-o", tmp_path], check=True)
    found = json.loads((tmp_path / "why.json").read_text("utf-8"))
    (deep,) = found["octaves"].values()
    for border in found["borders"].values():
        assert border["lost"][0] > 0.8  # nearly all beside a border,
        assert border["lost"][border["field"] // 4] < 0.1  # and hardly anything from a quarter of the field on
    (shifts,) = found["shifts"].values()
    assert shifts["shifted"][-1] < 0.8 * shifts["fixed"][-1]
    assert shifts["averaged"][-1] == pytest.approx(shifts["after"][-1], rel=0.3)
    for lattice in found["lattice"].values():
        assert lattice["agreed"][0] < lattice["agreed"][-1]
        assert lattice["flat"][-1] < 0.4
    for painted, foretold in zip(deep["mean"]["centres"], deep["mean"]["foretold"], strict=True):
        assert painted == pytest.approx(foretold, rel=0.2)
    carried, detail = (deep["layouts"][name]["kept"][1] for name in ("the picture carried", "4 octaves of 1.4"))
    assert carried < 0.2 < 0.8 < detail
    assert {path.name for path in tmp_path.glob("*.png")} >= {"why-borders.png", "why-shifts.png", "why-octaves.png"}
