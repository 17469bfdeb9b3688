"""The calibration gates: a smoke part in every run, all of them as slow tests (docs/calibration.md has the figures)."""

import pytest

from tests import calibration


@pytest.mark.parametrize("gate", calibration.GATES)
@pytest.mark.slow
def test_gate(gate: str) -> None:
    outside = [f for f in calibration.GATES[gate](calibration.SIMULATIONS[gate]) if not f.ok]
    # Two Monte Carlo standard errors: one cell in twenty may fall outside by chance.
    assert len(outside) <= (2 if gate in ("type_one", "coverage") else 0), outside


def test_smoke() -> None:
    """The same generators with few simulations and wide bounds; the controls must fail here too."""
    figures = [*calibration.type_one(200, (300,), sigmas=3.5), *calibration.clusters(150, items=200), *calibration.many(200)]
    assert len(figures) == 4 * 2 + 2 + 3
    control = next(f for f in figures if f.what.startswith("control"))
    assert control.ok
    for f in figures:
        assert f.value <= f.high + 0.03, f
