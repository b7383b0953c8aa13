"""The quiet line of the Restore panel: what is unlike the training images, found in a thread, never in the way."""

import json
import threading

import numpy as np
import pytest

from napari_restoration.models.registry import user_models_folder
from napari_restoration.tasks import domain as domain_task

STATISTICS = {"noise_level": {"p5": 0.1, "p50": 0.2, "p95": 0.3}}
TOLD = "less noise than nearly all training images"


@pytest.fixture
def informed(tiny_models):
    """The denoising model's card holds statistics of noisy images."""
    path = user_models_folder() / "tiny-denoise" / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "domain": STATISTICS}))


@pytest.fixture
def settled(qtbot):
    """Waits until the comparison of a widget is over."""
    return lambda widget: qtbot.waitUntil(lambda: widget.form.domain.is_at_rest, timeout=30_000)


def ramp(side=128):
    """Next to no noise."""
    y, x = np.mgrid[:side, :side]
    return (100 + 50 * np.sin(x / 9) * np.sin(y / 7)).astype(np.float32)


def test_what_is_off_is_told_before_a_run_and_gone_with_the_model_or_image(
    informed, open_widget, settled, noise
):
    viewer, widget = open_widget()
    line = widget.form.domain
    layer = viewer.add_image(ramp(), name="clean")
    settled(widget)
    assert line.isVisibleTo(widget)
    assert TOLD in line.label.text()
    widget.choose(task="refocus", model="tiny-refocus")  # its card holds no statistics
    settled(widget)
    assert not line.isVisibleTo(widget)
    widget.choose(task="denoise", model="tiny-denoise")
    settled(widget)
    assert line.isVisibleTo(widget)
    layer.data = noise(128, 128)
    settled(widget)
    assert not line.isVisibleTo(widget)


def test_the_comparison_runs_once_outside_of_the_main_thread(
    informed, open_widget, press, settled, monkeypatch
):
    threads, check = [], domain_task.check_domain

    def watched(*given, **named):
        threads.append(threading.current_thread())
        return check(*given, **named)

    monkeypatch.setattr(domain_task, "check_domain", watched)
    viewer, widget = open_widget()
    viewer.add_image(ramp(), name="clean")
    settled(widget)
    widget._show_plan()
    press(widget, "restore")
    settled(widget)
    assert viewer.layers[-1].name == "clean [tiny-denoise]"
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_an_error_of_the_comparison_costs_only_the_line(
    informed, open_widget, press, settled, monkeypatch, caplog
):
    def broken(*_, **__):
        raise RuntimeError("no spectrum")

    monkeypatch.setattr(domain_task, "check_domain", broken)
    viewer, widget = open_widget()
    viewer.add_image(ramp(), name="clean")
    settled(widget)
    assert not widget.form.domain.isVisibleTo(widget)
    assert "could not be compared" in caplog.text
    press(widget, "restore")
    assert viewer.layers[-1].name == "clean [tiny-denoise]"
