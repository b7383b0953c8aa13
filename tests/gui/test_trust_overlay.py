"""The check box that shows where not to trust a result."""

import numpy as np
import pytest

from napari_restoration.gui._layers import is_restorable
from napari_restoration.gui._trust_overlay import TrustRow


def test_maps_come_as_layers_on_the_result_with_a_legend_in_a_real_viewer(open_widget, press, noise):
    viewer, widget = open_widget("superres", real=True)
    source = viewer.add_image(
        noise(2, 40, 56),
        name="cells",
        scale=(1, 0.2, 0.2),
        translate=(0, 3, 4),
        rotate=15,
        units=("s", "um", "um"),
    )
    widget.form.trust.box.setChecked(True)
    press(widget, "restore")
    result, *maps = viewer.layers[1:]
    assert [layer.name for layer in maps] == [
        f"{result.name} ({name})"
        for name in (
            "data consistency", "residual", "null-space share", "fitted error", "disagreement of views", "trust",
        )
    ]  # fmt: skip
    for layer in maps:
        assert layer.data.shape == result.data.shape == (2, 80, 112)
        np.testing.assert_allclose(layer._extent_augmented.world, result._extent_augmented.world, atol=1e-9)
        assert layer.units == result.units
        assert not is_restorable(layer)
        assert layer.visible == (layer is maps[-1])
    overlay = maps[-1]
    assert overlay.blending == "translucent"
    shown = overlay.colormap.map(np.array([0.0, 0.5, 1.0]))
    assert shown[0, 3] > shown[1, 3] > shown[2, 3] == 0
    assert not widget.form.trust.legend.isHidden()
    assert widget.form.trust.words.text()
    assert result.metadata["napari_restoration"]["task"] == "superres"
    assert widget.layer is source
    # The next run without the box takes legend and sentence away.
    widget.form.trust.box.setChecked(False)
    press(widget, "restore")
    assert widget.form.trust.legend.isHidden()
    assert len(viewer.layers) == 9


def test_the_result_is_whole_when_the_maps_are_cancelled(open_widget, noise, qtbot):
    viewer, widget = open_widget()
    viewer.add_image(noise(12, 64, 64), name="cells")
    widget.form.trust.box.setChecked(True)
    widget.restore()
    qtbot.waitUntil(lambda: "Checking" in widget.form.progress.text.text(), timeout=30_000)
    widget.cancel()
    qtbot.waitUntil(lambda: widget.running is None, timeout=30_000)
    assert [layer.name for layer in viewer.layers] == ["cells", "cells [tiny-denoise]"]
    record = viewer.layers[-1].metadata["napari_restoration"]
    assert record["inputs"][0]["name"] == "cells"
    np.testing.assert_allclose(viewer.layers[-1].data, viewer.layers[0].data, atol=0.01)


def test_colour_images_are_restored_and_the_panel_says_that_there_are_no_maps(open_widget, press, noise):
    viewer, widget = open_widget()
    viewer.add_image(noise(30, 40, 3, dtype=np.uint8), rgb=True, name="slide")
    widget.form.trust.box.setChecked(True)
    press(widget, "restore")
    assert len(viewer.layers) == 2
    assert "colour" in widget.form.message.text()


@pytest.mark.parametrize("choices", [{"trust": True}, {"trust": "yes"}, {}])
def test_the_choice_is_remembered_as_far_as_it_is_one(qtbot, choices):
    row = TrustRow()
    qtbot.addWidget(row)
    row.restore(choices)
    assert row.choices() == {"trust": choices.get("trust") is True}
