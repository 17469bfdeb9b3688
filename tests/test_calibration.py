"""The calibration gates: a smoke part in every run, all of them as slow tests (docs/calibration.md has the figures)."""

import pytest

from tests import calibration


@pytest.mark.parametrize("gate", calibration.GATES)
@pytest.mark.slow
def test_gate(gate: str) -> None:
    outside = [f for f in calibration.GATES[gate](calibration.SIMULATIONS[gate]) if not f.ok]
    assert len(outside) <= calibration.BY_CHANCE.get(gate, 0), outside


def test_smoke() -> None:
    """The same generators with few simulations and wide bounds; the controls must fail here too."""
    figures = [
        *calibration.type_one(200, (300,), sigmas=3.5),
        *calibration.clusters(150, items=200),
        *calibration.many(200),
        *calibration.rank_limits(150, 400),
        *calibration.new_languages(200),
    ]
    assert len(figures) == 4 * 2 + 2 + 5 + 2 + 3
    for f in figures:
        if f.what.startswith("control"):
            assert f.ok, f
        else:
            assert f.low - 0.04 <= f.value <= f.high + 0.03, f
