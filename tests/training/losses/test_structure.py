from __future__ import annotations

import pytest
import torch

from napari_restoration.core import metrics
from napari_restoration.core.errors import InputError
from napari_restoration.training import losses


@pytest.mark.parametrize("edges", ["plain", "prewitt"])
def test_the_gradient_loss_of_a_constant_error_is_a_tenth_of_it(edges: str, pair) -> None:
    _, target = pair
    assert float(losses.gradient(target + 0.5, target, edges=edges)) == pytest.approx(0.05, rel=1e-4)


@pytest.mark.parametrize("edges", ["plain", "prewitt"])
def test_an_error_that_rises_by_one_each_pixel_has_slope_one(edges: str) -> None:
    ramp = torch.arange(8.0).expand(1, 2, 6, 8)
    zero = torch.zeros_like(ramp)
    for error in (ramp, ramp.transpose(-1, -2)):
        value = losses.gradient(error, torch.zeros_like(error), edges=edges, pixel_weight=0)
        assert float(value) == pytest.approx(1)
    assert float(losses.gradient(ramp, zero, edges=edges)) == pytest.approx(1 + 0.1 * 3.5)


def test_a_single_wrong_pixel_counts_in_each_difference_it_takes_part_in() -> None:
    error = torch.zeros(1, 1, 7, 7)
    error[..., 3, 3] = 1
    zero = torch.zeros_like(error)
    plain = losses.gradient(error, zero, pixel_weight=0)
    prewitt = losses.gradient(error, zero, edges="prewitt", pixel_weight=0)
    # Differences: 2 of 42 positions each way. Prewitt: 6 of 25 positions with 1/6 each way.
    assert float(plain) == pytest.approx(2 * 2 / 42)
    assert float(prewitt) == pytest.approx(2 * 6 / 6 / 25)


def test_prewitt_refuses_a_patch_smaller_than_its_filters() -> None:
    image = torch.zeros(1, 1, 2, 9)
    with pytest.raises(InputError, match="2 x 9"):
        losses.gradient(image, image, edges="prewitt")


def test_the_ssim_loss_is_one_minus_the_metric(pair) -> None:
    prediction, target = (t[:1] for t in pair)
    expected = 1 - metrics.ssim(prediction[0, 0].numpy(), target[0, 0].numpy(), data_range=1.0)
    assert float(losses.ssim(prediction, target)) == pytest.approx(expected, abs=1e-5)


def test_the_data_range_scales_with_the_images(pair) -> None:
    first, second = pair
    stretched = losses.ssim(255 * first, 255 * second, data_range=255.0)
    assert float(stretched) == pytest.approx(float(losses.ssim(first, second)), abs=1e-5)


def test_the_combined_loss_adds_the_mean_error(pair) -> None:
    expected = float(losses.l1(*pair)) + float(losses.ssim(*pair))
    assert float(losses.l1_ssim(*pair)) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["gradient", "ssim", "l1_ssim"])
def test_a_volume_is_compared_plane_by_plane(name: str) -> None:
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.rand(1, 2, 3, 12, 13, generator=generator) for _ in range(2))
    loss = getattr(losses, name)
    each = [float(loss(first[:, :, z], second[:, :, z])) for z in range(3)]
    assert float(loss(first, second)) == pytest.approx(sum(each) / 3, rel=1e-5)
