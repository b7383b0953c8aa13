"""Match my microscope by its fields and buttons."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._curves import decades_of, figure, power_of_ten
from napari_restoration.gui._match_results import interval_text, short, value_text
from napari_restoration.gui._side_by_side import busiest_window
from napari_restoration.tasks.degrade import DegradeSettings, degrade
from napari_restoration.tasks.match import Estimated
from napari_restoration.tasks.presets import find_preset, with_steps

LEFT = Qt.MouseButton.LeftButton


def specimen(seed, side=192):
    """Cells with edges, without noise."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side))
    image = np.full((side, side), 20.0)
    for _ in range(40):
        at, radius = rng.uniform(0, side, 2), rng.uniform(3, 12)
        image[np.hypot(y - at[0], x - at[1]) < radius] += rng.uniform(300, 900)
    return image.astype(np.float32)


def spoiled(good):
    """As a camera with 0.5 electrons a grey level, 300 photons and 2 px of blur shows it."""
    steps = [
        {"kind": "to_photons", "peak_photons": 300.0, "low_value": None, "high_value": None},
        {"kind": "gaussian_blur", "sigma_px": 2.0},
        {
            "kind": "camera",
            "gain_electrons_per_adu": 0.5,
            "offset_adu": 100.0,
            "read_noise_electrons": 2.0,
            "bits": 16,
        },
    ]
    preset = with_steps(find_preset("confocal-63x"), steps, "light_path")
    return np.asarray(degrade(CalibratedImage(good, "YX"), preset, DegradeSettings(seed=1)).image.data)


@pytest.fixture
def open_match(open_degrade):
    """Opens the Degrade widget with its section, a good and a bad layer."""

    def open_one(preset="confocal-63x", *, real=False):
        viewer, widget = open_degrade(preset, real=real)
        widget.form.preview_box.setChecked(False)
        widget.match_section.set_open(True)
        good = viewer.add_image(specimen(0), name="good")
        bad = viewer.add_image(np.stack([spoiled(specimen(1))] * 2), name="bad", axis_labels=("t", "y", "x"))
        panel = widget.match
        panel.bad.choose(bad)
        panel.good.choose(good)
        widget.choose(good)
        return viewer, widget, panel

    return open_one


@pytest.fixture
def click(qtbot):
    """Clicks a button of the panel and waits until nothing runs."""

    def press(panel, button=None, wait=True):
        qtbot.mouseClick(button or panel.button, LEFT)
        if wait:
            qtbot.waitUntil(lambda: panel.running is None, timeout=30_000)

    return press


def settings_of(widget, kind):
    return next(entry for entry in widget.form.steps.value() if entry["kind"] == kind and entry["enabled"])


def test_a_match_fills_in_the_steps_and_shows_numbers_pictures_curves_and_the_distance(
    open_match, click, qtbot
):
    viewer, widget, panel = open_match(real=True)
    click(panel)
    assert panel.message.text().startswith("Filled in: Photons")
    assert settings_of(widget, "camera")["gain_electrons_per_adu"] == pytest.approx(0.5, rel=0.15)
    assert settings_of(widget, "gaussian_blur")["sigma_px"] == pytest.approx(2.0, abs=0.5)
    assert widget.form.presets.current == "confocal-63x"
    assert widget.form.presets.is_changed
    results = panel.results
    assert results.isVisibleTo(widget)
    assert "e⁻/level" in results.table.rows["gain"][1].text()
    assert "–" in results.table.rows["gain"][2].text()
    assert results.pictures.real.image is not None
    assert results.pictures.synthetic.image is not None
    assert results.histograms.places.size > 10
    assert results.spectra.real[0] > results.spectra.real[-1]
    assert results.distance.text().startswith("Distance 0.")
    assert "Two halves of the real image differ by" in results.distance.text()
    grabbed = results.grab().toImage()
    assert grabbed.width() > 100
    assert results.minimumSizeHint().width() <= 320
    click(panel, results.layers_button)
    layer = viewer.layers[-1]
    assert layer.name == "bad [confocal-63x-matched] synthetic"
    assert widget.layer.name == "good"  # the image to degrade stays
    bad = viewer.layers["bad"]
    assert layer.data.shape[-2:] == (192, 192)
    np.testing.assert_allclose(layer.contrast_limits, bad.contrast_limits)
    np.testing.assert_allclose(
        layer._extent_augmented.world[:, 1:], bad._extent_augmented.world[:, 1:], atol=1e-9
    )


def test_numbers_that_are_not_reliable_are_marked_and_say_why(open_match, click):
    viewer, _, panel = open_match()
    smooth = np.random.default_rng(0).normal(500, 30, (96, 96)) + specimen(3, 96) / 100
    panel.bad.choose(viewer.add_image(smooth.astype(np.float32), name="flat"))
    panel.good.setCurrentIndex(0)
    click(panel)
    assert panel.message.kind == "warning"
    assert "stands in for the object" in panel.message.text()
    rows = panel.results.table.rows
    assert rows["offset"][3].text() == "?"
    assert "Not reliable." in rows["offset"][0].toolTip()
    assert rows["motion_length"][1].text() == "not found"
    assert rows["motion_length"][3].text() == ""


def test_known_numbers_are_typed_and_taken(open_match, click, qtbot):
    _, widget, panel = open_match()
    qtbot.keyClicks(panel.offset, "100")
    qtbot.keyClicks(panel.read_noise, "2,0")
    click(panel)
    camera = settings_of(widget, "camera")
    assert (camera["offset_adu"], camera["read_noise_electrons"]) == (100.0, 2.0)
    assert panel.results.table.rows["offset"][0].toolTip() == "<qt>As given.</qt>"


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("offset", "about 100", "The known offset is 'about 100': type a number"),
        ("read_noise", "nan", "The known read noise is 'nan'"),
        ("read_noise", "-1", "must be at least 0 e-"),
    ],
)
def test_what_is_no_number_is_named_before_any_work(open_match, click, qtbot, field, text, words):
    _, _, panel = open_match()
    qtbot.keyClicks(getattr(panel, field), text)
    click(panel)
    assert words in panel.message.text()
    assert panel.message.kind == "error"
    assert panel.match is None


def test_without_a_bad_image_or_with_one_image_for_both_roles_the_panel_says_so(open_degrade, click):
    viewer, widget = open_degrade()
    panel = widget.match
    click(panel)
    assert panel.message.text().startswith("There is no bad image")
    layer = viewer.add_image(specimen(0), name="only")
    panel.bad.choose(layer)
    panel.good.choose(layer)
    click(panel)
    assert "both the bad and the good image" in panel.message.text()


def test_an_image_that_cannot_be_measured_is_refused_in_a_sentence_and_the_steps_stay(open_match, click):
    viewer, widget, panel = open_match()
    before = widget.form.steps.value()
    panel.bad.choose(viewer.add_image(np.full((64, 64), 7, np.uint8), name="dark"))
    click(panel)
    assert "Every pixel of 'dark' is 7" in panel.message.text()
    assert widget.form.steps.value() == before


def test_choices_stay_when_layers_come_and_go_and_previews_are_not_offered(open_match):
    viewer, _, panel = open_match()
    bad, good = panel.bad.layer, panel.good.layer
    viewer.add_image(specimen(5), name="third")
    viewer.add_image(specimen(6), name="look", metadata={"napari_restoration": {"preview": True}})
    assert panel.bad.layer is bad
    assert panel.good.layer is good
    assert panel.good.findText("look") < 0
    viewer.layers.remove(good)
    assert panel.good.layer is None
    assert panel.good.currentText() == "none"


def test_cancelling_leaves_the_steps(open_match, click, qtbot):
    _, widget, panel = open_match()
    before = widget.form.steps.value()
    click(panel, wait=False)
    qtbot.mouseClick(panel.progress.cancel_button, LEFT)
    qtbot.waitUntil(lambda: panel.running is None, timeout=30_000)
    assert panel.message.text() == "Cancelled. The steps are as they were."
    assert widget.form.steps.value() == before
    assert panel.button.isEnabled()


def test_closing_the_dock_while_it_runs_ends_the_thread(open_match, click, qtbot):
    viewer, widget, panel = open_match(real=True)
    click(panel, wait=False)
    running = panel.running
    viewer.window.remove_dock_widget(widget)
    assert running.is_cancelled
    assert running.wait(20)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.4581, "e-/grey level", "0.46 e⁻/level"),
        (1234.5, "e-", "1234 e⁻"),
        (32.6, "deg", "32.6°"),
        (None, "px", "not found"),
    ],
)
def test_values_are_short_and_carry_their_unit(value, unit, words):
    assert value_text(Estimated(name="x", label="X", unit=unit, value=value)) == words


def test_intervals_and_figures_are_short():
    assert (
        interval_text(Estimated(name="x", label="X", unit="px", value=1.0, low=-0.62, high=24.71))
        == "−0.62–24.7"
    )
    assert interval_text(Estimated(name="x", label="X", unit="px", value=1.0)) == ""
    assert [short(one) for one in (0.0, 3.4e-5, 0.123, 5.678, 1.5e7)] == [
        "0",
        "3.4e-05",
        "0.12",
        "5.68",
        "1.5e+07",
    ]
    assert (power_of_ten(-3.0), figure(0.5), figure(1234.0)) == ("10⁻³", "0.5", "1234")
    assert decades_of(np.array([0.0, 0.02, 3.0])) == (-2.0, 1.0)
    assert decades_of(np.zeros(3)) == (0.0, 1.0)


def test_the_busiest_part_is_shown():
    plane = np.zeros((300, 400))
    plane[200:220, 310:330] = 1.0
    y, x = busiest_window(plane, 100)
    assert y.start <= 200 < 220 <= y.stop
    assert x.start <= 310 < 330 <= x.stop
    assert busiest_window(plane[:50, :60], 100) == (slice(0, 50), slice(0, 60))
