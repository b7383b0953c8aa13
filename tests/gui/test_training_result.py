"""The card that says whether a training has helped."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices, QGuiApplication

from napari_restoration.core.errors import RestorationError
from napari_restoration.gui._result_card import ResultCard, headline
from napari_restoration.gui._score_table import mean_and_spread
from napari_restoration.tasks import train_words
from napari_restoration.tasks.assess import Assessment, ImageScores
from napari_restoration.tasks.train_reports import TrainingResult

LEFT = Qt.MouseButton.LeftButton

IMAGES = tuple(
    ImageScores(
        name=f"{i}.tif", psnr_input=20.0 + i, psnr_before=27.0, psnr_after=28.0 + 2 * i, ssim_input=0.5,
        ssim_before=0.8, ssim_after=0.9,
    )
    for i in range(2)
)  # fmt: skip


@pytest.fixture
def card(qtbot):
    """A card without a result."""
    widget = ResultCard()
    qtbot.addWidget(widget)
    return widget


def result_of(home, assessment, folder="models/mine"):
    return TrainingResult(
        run=home / "run", model="mine", folder=home / folder, steps=100, minutes=5.0, assessment=assessment
    )


def assessment(**changes):
    values = {"verdict": "better", "before_model": "before", "mean_gain_db": 2.0, "words": "Why."}
    return Assessment(images=IMAGES, after_model="mine", **{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Better: +2.0 dB on 2 held-out images"),
        ({"verdict": "worse", "mean_gain_db": -0.34}, "Worse: −0.3 dB on 2 held-out images"),
        (
            {"verdict": "no clear difference", "mean_gain_db": 0.1},
            "No clear difference: +0.1 dB on 2 held-out images",
        ),
        ({"before_model": None}, "Better: +2.0 dB over the input on 2 held-out images"),
        ({"verdict": "not assessed", "mean_gain_db": None}, "Not assessed"),
    ],
)
def test_the_headline_is_the_verdict(changes, words):
    assert headline(assessment(**changes)) == words


def test_the_tables_show_means_with_their_spread_and_each_image(card, tmp_path, qtbot):
    card.show_result(result_of(tmp_path, assessment()))
    figures = {place: cell.text() for place, cell in card.table.cells.items()}
    assert figures == {
        ("input", "PSNR (dB)"): "20.50 ± 0.71",
        ("before", "PSNR (dB)"): "27.00 ± 0.00",
        ("after", "PSNR (dB)"): "29.00 ± 1.41",
        ("input", "SSIM"): "0.500 ± 0.000",
        ("before", "SSIM"): "0.800 ± 0.000",
        ("after", "SSIM"): "0.900 ± 0.000",
    }
    qtbot.mouseClick(card.images_section.heading, LEFT)
    assert card.images.cells["1.tif", "after"].text() == "30.00"
    assert card.words.text() == "Why."


def test_both_models_can_be_used(card, tmp_path, qtbot):
    card.show_result(result_of(tmp_path, assessment()))
    for button, model in ((card.use_button, "mine"), (card.before_button, "before")):
        with qtbot.waitSignal(card.restore_clicked) as used:
            qtbot.mouseClick(button, LEFT)
        assert used.args == [model]


def test_a_result_without_comparison_says_so_and_offers_what_there_is(card, tmp_path):
    card.show_result(result_of(tmp_path, None))
    assert card.headline.text() == "Not assessed"
    assert card.words.text() == "The model was not compared with another one on held-out images."
    for part in (card.table, card.images_section, card.before_button, card.examples_button):
        assert not part.isVisibleTo(card)
    assert card.use_button.isVisibleTo(card)


def test_a_model_that_restore_does_not_list_is_not_offered(card, tmp_path):
    card.show_result(result_of(tmp_path, None, folder="run/model"))
    assert not card.use_button.isVisibleTo(card)


@pytest.mark.parametrize(("name", "function"), [("command", "command_of"), ("methods", "methods_paragraph")])
def test_command_and_methods_are_copied(card, tmp_path, qtbot, monkeypatch, name, function):
    monkeypatch.setattr(train_words, function, lambda run: f"the {name} of {run.name}")
    card.show_result(result_of(tmp_path, None))
    button = getattr(card, f"{name}_button")
    words = button.text()
    qtbot.mouseClick(button, LEFT)
    assert QGuiApplication.clipboard().text() == f"the {name} of run"
    assert button.text() == "Copied"
    qtbot.waitUntil(lambda: button.text() == words, timeout=5000)


def test_what_cannot_be_copied_is_said(card, tmp_path, qtbot, monkeypatch):
    def fail(run):
        raise RestorationError("The run is gone.")

    monkeypatch.setattr(train_words, "methods_paragraph", fail)
    card.show_result(result_of(tmp_path, None))
    qtbot.mouseClick(card.methods_button, LEFT)
    assert (card.message.text(), card.message.kind) == ("The run is gone.", "error")


def test_the_folder_is_opened_or_named(card, tmp_path, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url.toLocalFile())))
    card.show_result(result_of(tmp_path, None))
    qtbot.mouseClick(card.folder_button, LEFT)
    assert opened == [str(tmp_path / "run")]
    assert card.message.text() == f"The run lies in {tmp_path / 'run'}"


def test_one_value_has_no_spread():
    assert mean_and_spread([28.314], 2) == "28.31"
    assert mean_and_spread([], 2) == "–"
