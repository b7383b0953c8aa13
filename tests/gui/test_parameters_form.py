"""The parameters of a classical method in the Restore widget."""

import numpy as np
import pytest

from napari_restoration.gui._parameters_form import ParametersForm
from napari_restoration.models.registry import find_card


def card(name):
    return find_card(name)[0]


def edit(field, value):
    """As a person does it."""
    field.set_value(value)
    field.changed.emit()


def test_a_method_is_chosen_changed_previewed_and_restored(open_widget, press):
    viewer, widget = open_widget("refocus")
    image = np.random.default_rng(0).random((60, 70)).astype(np.float32)
    layer = viewer.add_image(image, name="cells")
    form = widget.form
    assert not form.parameters.isVisibleTo(widget)
    widget.choose(task="refocus", model="classical-richardson-lucy")
    assert form.parameters.isVisibleTo(widget)
    edit(form.parameters.by_name["iterations"], 3)
    press(widget, "preview")
    layer.corner_pixels = np.array([[10, 20], [39, 49]])
    press(widget, "preview")
    preview = viewer.layers[-1].data
    press(widget, "restore")
    result = viewer.layers[-1]
    assert result.name == "cells [classical-richardson-lucy]"
    np.testing.assert_array_equal(preview, result.data[10:40, 20:50])
    recorded = result.metadata["napari_restoration"]["settings"]["parameters"]
    assert recorded["iterations"] == 3
    edit(form.parameters.by_name["iterations"], 12)
    press(widget, "restore")
    again = viewer.layers[-1]
    assert again.metadata["napari_restoration"]["settings"]["parameters"]["iterations"] == 12
    assert not np.allclose(again.data, result.data)


def test_optics_without_a_pixel_size_are_refused_in_words(open_widget, press):
    viewer, widget = open_widget("refocus")
    viewer.add_image(np.random.default_rng(0).random((60, 70)).astype(np.float32), name="cells")
    widget.choose(task="refocus", model="classical-wiener")
    edit(widget.form.parameters.by_name["psf"], "microscope")
    edit(widget.form.parameters.by_name["pixel_size_um"], None)
    press(widget, "restore")
    assert "has no pixel size" in widget.form.message.text()
    assert len(viewer.layers) == 1


def test_only_what_the_blur_needs_is_shown(qtbot):
    form = ParametersForm()
    qtbot.addWidget(form)
    form.show_card(card("classical-wiener"))
    assert set(form.value()) == {"psf", "sigma_px", "balance"}
    edit(form.by_name["psf"], "microscope")
    assert "sigma_px" not in form.value()
    assert {"na", "wavelength_um", "defocus_um"} < set(form.value())
    assert form.by_name["na"].isVisibleTo(form)
    assert not form.by_name["sigma_px"].isVisibleTo(form)


def test_each_method_keeps_its_parameters_and_they_are_remembered(qtbot):
    form = ParametersForm()
    qtbot.addWidget(form)
    form.show_card(card("classical-gaussian"))
    edit(form.by_name["sigma_px"], 2.5)
    form.show_card(card("classical-median"))
    assert form.value() == {"radius_px": 1}
    form.show_card(card("classical-gaussian"))
    assert form.value() == {"sigma_px": 2.5}
    again = ParametersForm()
    qtbot.addWidget(again)
    again.restore(form.choices())
    again.show_card(card("classical-gaussian"))
    assert again.value() == {"sigma_px": 2.5}


@pytest.mark.parametrize("kept", [{"classical-gaussian": {"sigma_px": -4}}, {"classical-gaussian": 3}, [1]])
def test_remembered_parameters_that_no_longer_fit_leave_the_defaults(qtbot, kept):
    form = ParametersForm()
    qtbot.addWidget(form)
    form.restore({"parameters": kept})
    form.show_card(card("classical-gaussian"))
    assert form.value() == {"sigma_px": 1.2}


def test_a_network_has_no_parameters(qtbot, tiny_models):
    form = ParametersForm()
    qtbot.addWidget(form)
    form.show_card(card("classical-gaussian"))
    form.show_card(card("tiny-denoise"))
    assert form.value() == {}
    assert form.isHidden()


def test_device_and_precision_are_offered_for_networks_alone(open_widget):
    _, widget = open_widget("denoise")
    advanced = widget.form.advanced
    advanced.set_open(True)
    assert advanced.device.isVisibleTo(advanced)
    widget.choose(task="denoise", model="classical-median")
    assert not advanced.device.isVisibleTo(advanced)
    assert not advanced.precision.isVisibleTo(advanced)
