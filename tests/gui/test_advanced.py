"""Passes and adaptation under Advanced: offered where they mean something, and what they do."""

import numpy as np
import pytest
import torch

from napari_restoration.gui._advanced import AdvancedSettings
from napari_restoration.models.card import ModelCard
from napari_restoration.models.registry import user_models_folder
from napari_restoration.models.store import save_model_folder


@pytest.fixture
def with_batch_norms(tiny_models):
    """A tiny model with batch norms among the user's own."""
    from napari_restoration.models.archs import build, geometry

    settings = {"base": 2, "depth": 2, "levels": 2}
    torch.manual_seed(0)
    network = build("c2f", **settings)
    shape = geometry("c2f", **settings)
    card = ModelCard(
        id="tiny-normed", title="Tiny normed", description="With batch norms.", task="refocus", arch="c2f",
        arch_args=settings, halo=shape.receptive_field, receptive_field=shape.receptive_field,
        size_multiple=shape.size_multiple, trained_on=({"name": "nothing", "license": "none"},),
    )  # fmt: skip
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    save_model_folder(user_models_folder() / card.id, card, state)
    return card.id


def test_they_are_offered_where_they_mean_something_and_say_why_not_elsewhere(with_batch_norms, open_widget):
    _, widget = open_widget("denoise")
    advanced = widget.form.advanced
    advanced.set_open(True)
    assert (advanced.passes.isEnabled(), advanced.adapt.isEnabled()) == (True, False)
    assert advanced.adapt.toolTip() == "tiny-denoise has no batch norms that could be adapted to an image."
    widget.choose(task="deblur", model="tiny-deblur")
    assert (advanced.passes.isEnabled(), advanced.adapt.isEnabled()) == (False, True)
    assert "several frames" in advanced.passes.toolTip()
    widget.choose(task="superres", model="tiny-superres")
    assert (advanced.passes.isEnabled(), advanced.adapt.isEnabled()) == (False, False)
    widget.choose(task="refocus", model=with_batch_norms)
    assert (advanced.passes.isEnabled(), advanced.adapt.isEnabled()) == (True, True)
    widget.choose(task="denoise", model="classical-median")
    assert not advanced.form.isRowVisible(advanced.passes)
    assert not advanced.form.isRowVisible(advanced.adapt)


def test_what_a_model_has_no_use_for_is_kept_for_the_next_and_not_asked_of_this_one(
    open_widget, press, noise
):
    viewer, widget = open_widget("denoise")
    viewer.add_image(noise(40, 40), name="cells")
    advanced = widget.form.advanced
    advanced.passes.setValue(2)
    widget.choose(task="deblur", model="tiny-deblur")
    assert (advanced.passes.value(), advanced.adapt.isChecked()) == (1, False)
    advanced.adapt.setChecked(True)
    widget.choose(task="denoise", model="tiny-denoise")
    assert widget.form.plan_text.text() == "40 x 40, network applied twice"
    assert (advanced.passes.value(), advanced.adapt.isChecked()) == (2, False)
    widget.choose(task="superres", model="tiny-superres")
    assert widget.form.plan_text.text() == "80 x 80"
    press(widget, "restore")
    assert widget.form.message.kind != "error"
    assert viewer.layers[-1].data.shape == (80, 80)
    widget.choose(task="denoise", model="classical-median")
    press(widget, "restore")
    assert widget.form.message.kind != "error"
    assert (advanced.choices()["passes"], advanced.choices()["adapt"]) == (2, True)


def test_an_adapted_run_leaves_the_kept_model_as_it_was(qtbot, with_batch_norms, open_widget, press, noise):
    viewer, widget = open_widget("denoise")
    layer = viewer.add_image(noise(60, 70), name="cells")
    widget.choose(layer, task="refocus", model=with_batch_norms)
    press(widget, "restore")
    plain = viewer.layers[-1].data.copy()
    model = widget._restoration.restorer.model
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    widget.form.advanced.passes.setValue(2)
    widget.form.advanced.adapt.setChecked(True)
    assert widget.form.plan_text.text().endswith("network applied twice, network adapted to this image")
    press(widget, "restore")
    assert not np.allclose(viewer.layers[-1].data, plain)
    assert viewer.layers[-1].metadata["napari_restoration"]["settings"]["adapt"] is True
    press(widget, "restore", wait=False)
    widget.cancel()
    qtbot.waitUntil(lambda: widget.running is None, timeout=30_000)
    assert widget._restoration.restorer.model is model
    assert all(torch.equal(before[name], tensor) for name, tensor in model.network.state_dict().items())
    widget.form.advanced.passes.setValue(1)
    widget.form.advanced.adapt.setChecked(False)
    widget.choose(layer)
    press(widget, "restore")
    np.testing.assert_array_equal(viewer.layers[-1].data, plain)


def test_choices_are_remembered_as_far_as_they_are_valid(qtbot):
    advanced = AdvancedSettings()
    qtbot.addWidget(advanced)
    advanced.restore({"passes": 3, "adapt": True})
    assert (advanced.choices()["passes"], advanced.choices()["adapt"]) == (3, True)
    advanced.restore({"passes": "many", "adapt": "yes"})
    assert (advanced.choices()["passes"], advanced.choices()["adapt"]) == (1, False)
    advanced.restore({})
    assert (advanced.choices()["passes"], advanced.choices()["adapt"]) == (1, False)
