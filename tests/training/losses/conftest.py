from __future__ import annotations

import pytest
import torch


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 1, 24, 24, generator=generator), torch.rand(2, 1, 24, 24, generator=generator)


@pytest.fixture
def small_pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Two images of 2 channels and 4 x 5 pixels in float64."""
    generator = torch.Generator().manual_seed(2)
    first = torch.rand(2, 2, 4, 5, generator=generator, dtype=torch.float64)
    return first, torch.rand(2, 2, 4, 5, generator=generator, dtype=torch.float64)
