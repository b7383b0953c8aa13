from __future__ import annotations

import pytest
import torch

from napari_restoration.training import losses


@pytest.fixture
def scales() -> list[torch.Tensor]:
    return [torch.full((1, 1, 8, 8), 0.1), torch.full((1, 1, 4, 4), 0.2), torch.full((1, 1, 2, 2), 0.3)]


def test_the_content_loss_adds_the_error_of_every_scale(scales) -> None:
    target = torch.zeros(1, 1, 8, 8)
    assert float(losses.content(scales, target)) == pytest.approx(0.6)
    assert float(losses.content(scales, target, error="l2")) == pytest.approx(0.01 + 0.04 + 0.09)


def test_coarser_targets_are_means_of_two_by_two_pixels(pair) -> None:
    target = pair[1]
    means = target.reshape(2, 1, 12, 2, 12, 2).mean(dim=(3, 5))
    assert float(losses.content([target, means], target)) == pytest.approx(0, abs=1e-7)


def test_the_content_loss_looks_at_the_means_of_probabilistic_scales(scales) -> None:
    target = torch.zeros(1, 1, 8, 8)
    both = [torch.cat([scale, torch.ones_like(scale)], dim=1) for scale in scales]
    _, parts = losses.combine({"content": 1.0}, both, target, laplace=True)
    assert parts["content"] == pytest.approx(0.6)
