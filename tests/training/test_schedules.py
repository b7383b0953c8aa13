from __future__ import annotations

import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.training.schedules import Plateau, rate_share
from napari_restoration.training.training_settings import TrainingSettings


def _shares(schedule: str, shares: tuple[float, ...], **settings: object) -> list[float]:
    chosen = TrainingSettings(schedule=schedule, warmup_steps=1, **settings)  # type: ignore[arg-type]
    return [rate_share(chosen, step=5, progress=share, epoch=round(10 * share)) for share in shares]


def test_the_learning_rate_warms_up_and_falls() -> None:
    settings = TrainingSettings(warmup_steps=10)
    assert rate_share(settings, step=0, progress=0.0) == pytest.approx(0.1)
    assert rate_share(settings, step=10, progress=0.0) == pytest.approx(1.0)
    assert rate_share(settings, step=100, progress=1.0) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("schedule", "settings", "expected"),
    [
        ("constant", {}, [1, 1, 1, 1]),
        ("step", {}, [1, 0.5, 0.25, 0.0625]),
        ("linear_tail", {}, [1, 1, 1, 0.2]),
        ("exponential", {"schedule_factor": 0.5}, [0.5, 0.125, 0.5**5, 0.5**9]),
        ("milestones", {"schedule_factor": 0.1, "schedule_at": (0.3, 0.8)}, [1, 0.1, 0.1, 0.01]),
    ],
)
def test_each_schedule_at_four_moments(schedule: str, settings: dict, expected: list[float]) -> None:
    assert _shares(schedule, (0.1, 0.3, 0.5, 0.9), **settings) == pytest.approx(expected)


def test_a_plateau_lowers_the_rate_once_its_patience_is_over() -> None:
    plateau = Plateau(patience=2)
    counts = []
    for loss in (1.0, 0.9, 0.95, float("nan"), 0.91, 0.8, 0.9):
        plateau.see(loss)
        counts.append(plateau.count)
    assert counts == [0, 0, 0, 0, 1, 1, 1]
    settings = TrainingSettings(schedule="plateau", warmup_steps=1)
    assert rate_share(settings, step=5, progress=0.5, plateaus=plateau.count) == 0.5


def test_milestones_without_a_place_are_refused() -> None:
    with pytest.raises(InputError, match="schedule_at"):
        TrainingSettings(schedule="milestones")
