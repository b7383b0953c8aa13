"""The curves of a training and their words."""

import importlib.util
import math

import numpy as np
import pytest

from napari_restoration.gui._training_curves import log_marks, range_of, round_marks
from napari_restoration.gui._training_plot import NO_PYQTGRAPH, TrainingPlot, in_words
from napari_restoration.tasks.train_reports import EpochReport


def epoch(step, psnr=28.0, *, best=False, **values):
    given = {
        "train_loss": 0.05,
        "val_loss": 0.06,
        "val_ssim": 0.8,
        "val_mae": 0.1,
        "minutes": step / 100,
        **values,
    }
    return EpochReport(
        done=step, total=500, message=f"step {step}", val_psnr=psnr, best=best, learning_rate=1e-4, **given
    )


UNTOUCHED = epoch(0, 27.0, best=True, train_loss=math.nan)


@pytest.fixture
def plot(qtbot):
    """A plot over five minutes."""
    widget = TrainingPlot()
    qtbot.addWidget(widget)
    widget.begin(5.0)
    return widget


def points(curve):
    return [list(values) for values in curve.getData()]


def test_curves_run_over_the_budget_with_the_best_and_the_untouched_model_marked(plot):
    plot.add([UNTOUCHED, epoch(100, 28.5, best=True)])
    plot.add([epoch(200, 28.25, val_loss=0.04)])
    assert points(plot.scores.psnr) == [[0, 1, 2], [27.0, 28.5, 28.25]]
    assert points(plot.scores.ssim)[1] == [0.8] * 3
    assert points(plot.losses.validation)[1] == pytest.approx(np.log10([0.06, 0.06, 0.04]))
    assert math.isnan(points(plot.losses.training)[1][0])
    assert plot.scores.untouched.isVisible()
    assert plot.scores.untouched.value() == 27.0
    assert points(plot.scores._best) == [[1], [28.5]]
    (left, right), (low, high) = plot.scores._item.viewRange()
    assert left < 0 < 5 < right < 5.5
    assert low < 27.0 < 28.5 < high


def test_steps_are_counted_without_a_budget_of_minutes(plot):
    plot.begin(None)
    plot.add([epoch(100), epoch(200)])
    assert points(plot.scores.psnr)[0] == [100, 200]
    assert not plot.scores.untouched.isVisible()
    assert plot.scores._item.viewRange()[0][1] > 500


def test_a_loss_below_zero_is_drawn_on_an_even_axis(plot):
    plot.add([epoch(100, train_loss=-1.5, val_loss=-1.0)])
    assert points(plot.losses.training)[1] == [-1.5]


def test_a_repeated_step_takes_the_place_of_what_came_after_it(plot):
    plot.add([epoch(100, 28.0), epoch(200, 29.0)])
    plot.add([epoch(200, 27.5)])
    assert points(plot.scores.psnr)[1] == [28.0, 27.5]


def test_nothing_is_left_of_an_earlier_training(plot):
    plot.add([UNTOUCHED, epoch(100)])
    plot.begin(5.0)
    assert plot.epochs == []
    assert plot.words.text() == ""
    assert not plot.scores.untouched.isVisible()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_is_drawn_in_the_theme(plot, theme):
    from napari.utils.theme import get_theme

    plot.follow_theme(theme)
    plot.add([UNTOUCHED, epoch(100)])
    ground = plot.losses.grab().toImage().pixelColor(2, 2)
    assert (ground.red(), ground.green(), ground.blue()) == get_theme(theme).background.as_rgb_tuple()[:3]


def test_without_pyqtgraph_the_words_stay_and_say_how_to_get_curves(qtbot, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    plot = TrainingPlot()
    qtbot.addWidget(plot)
    plot.begin(5.0)
    assert plot.words.text() == NO_PYQTGRAPH
    plot.add([UNTOUCHED, epoch(100, 28.5, best=True)])
    assert not plot.has_curves
    assert plot.words.text().startswith("PSNR 28.50 dB, SSIM 0.800; the best so far")
    assert plot.words.text().endswith(NO_PYQTGRAPH)
    plot.follow_theme("light")


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        ([], ""),
        ([UNTOUCHED], "PSNR 27.00 dB, SSIM 0.800."),
        (
            [UNTOUCHED, epoch(100, 28.0, best=True), epoch(200, 27.5)],
            "PSNR 27.50 dB, SSIM 0.800; best 28.00 dB after 1.0 min; before training 27.00 dB.",
        ),
        ([UNTOUCHED, epoch(100, 26.0)], "PSNR 26.00 dB, SSIM 0.800; best 27.00 dB before training."),
        ([epoch(100, math.nan)], "PSNR – dB, SSIM 0.800."),
    ],
)
def test_the_latest_scores_stand_beside_the_best_and_the_first(epochs, words):
    assert in_words(epochs, by_minutes=True) == words


def test_axes_have_few_round_figures():
    assert [words for _, words in round_marks(26.9, 29.2)] == ["27.0", "27.5", "28.0", "28.5", "29.0"]
    assert [words for _, words in round_marks(0.78, 0.83)] == ["0.78", "0.79", "0.80", "0.81", "0.82", "0.83"]
    assert [words for _, words in log_marks(-3.1, 1.1)] == ["0.001", "0.01", "0.1", "1", "10"]
    assert [words for _, words in log_marks(-1.55, -1.05)] == ["0.04", "0.06", "0.08"]
    assert range_of(np.array([np.nan, 1.0, 2.0])) == pytest.approx((0.92, 2.08))
    assert range_of(np.array([np.nan])) == (0.0, 1.0)
    low, high = range_of(np.array([3.0]))
    assert low < 3 < high
