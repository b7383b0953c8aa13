from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_restoration.core.errors import InputError
from napari_restoration.training import losses


def test_means_are_taken_over_every_value(small_pair) -> None:
    first, second = small_pair
    error = (first - second).numpy()
    assert float(losses.l1(first, second)) == pytest.approx(np.abs(error).mean())
    assert float(losses.l2(first, second)) == pytest.approx((error**2).mean())


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_sums_are_the_mean_times_the_pixels_of_an_image(name: str, small_pair) -> None:
    loss = getattr(losses, name)
    assert float(loss(*small_pair, reduction="sum")) == pytest.approx(4 * 5 * float(loss(*small_pair)))


def test_the_summed_weight_of_one_hundredth_is_163_84_on_means_of_128_pixel_patches() -> None:
    target = torch.zeros(1, 1, 128, 128)
    total, _ = losses.combine({"l1_sum": 0.01}, target + 0.5, target, laplace=False)
    assert float(total) == pytest.approx(163.84 * 0.5)


def test_an_unknown_reduction_is_named(small_pair) -> None:
    with pytest.raises(InputError, match="'median'"):
        losses.l1(*small_pair, reduction="median")  # type: ignore[arg-type]
