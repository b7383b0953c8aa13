"""The measured halo is enough, and no smaller candidate is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_restoration.models.halo import measure_halo
from napari_restoration.models.loader import load_model

SaveTiny = Callable[..., Path]


def weaken_outer_taps(state: dict[str, Any]) -> None:
    for value in state.values():
        if value.ndim == 4 and value.shape[-1] == 3:
            centre = value[..., 1, 1].copy()
            value *= 0.02
            value[..., 1, 1] = centre


def test_weights_that_look_less_far_get_a_smaller_halo(save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny("care", change=weaken_outer_taps), device="cpu")
    halo, error = measure_halo(model, tolerance=1e-3)
    assert halo % model.card.size_multiple == 0
    assert halo < model.card.receptive_field
    assert 0 < error <= 1e-3


def test_a_tighter_tolerance_needs_a_wider_halo(save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny("care", change=weaken_outer_taps), device="cpu")
    candidates = range(0, 24, 4)
    loose, tight = (measure_halo(model, tolerance, candidates)[0] for tolerance in (3e-2, 1e-5))
    assert loose < tight


def test_the_whole_field_is_the_last_resort(save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny("care"), device="cpu")
    assert measure_halo(model, tolerance=0.0, candidates=(4, 8)) == (24, 0.0)


@pytest.mark.parametrize("arch", ["bdu", "rrdb"])
def test_bursts_and_enlarged_images_are_measured_too(arch: str, save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny(arch), device="cpu")
    halo, error = measure_halo(model, tolerance=1e-3)
    assert 0 < halo <= model.card.receptive_field + model.card.size_multiple
    assert error <= 1e-3


def test_ones_own_image_must_be_large_enough(save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny("care"), device="cpu")
    with pytest.raises(ValueError, match="80 pixels"):
        measure_halo(model, image=np.zeros((1, 1, 64, 64), np.float32))
    image = np.zeros((1, 1, 80, 80), np.float32)
    assert measure_halo(model, image=image, candidates=(0,), tolerance=np.inf)[0] == 0


def test_a_network_of_whole_images_has_no_halo_to_be_measured(save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny("resnet"), device="cpu")
    with pytest.raises(ValueError, match="whole image"):
        measure_halo(model)
