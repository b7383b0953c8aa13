from __future__ import annotations

import pytest
import torch

from napari_restoration.core.errors import InputError
from napari_restoration.training import losses
from napari_restoration.training.losses import FakePool


def fakes(start: int, count: int = 1) -> torch.Tensor:
    return torch.arange(start, start + count, dtype=torch.float32)[:, None, None, None].expand(count, 1, 2, 2)


def test_there_and_back_and_staying_sharp_cost_the_mean_absolute_change(small_pair) -> None:
    first, second = small_pair
    expected = float((first - second).abs().mean())
    assert float(losses.cycle(first, second)) == pytest.approx(expected)
    assert float(losses.identity(first, second)) == pytest.approx(expected)


def test_a_pool_passes_images_on_until_it_is_full() -> None:
    pool = FakePool(seed=0)
    given = fakes(0, 50)
    torch.testing.assert_close(pool.exchange(given), given)
    assert len(pool) == 50


def test_a_full_pool_gives_an_earlier_image_half_of_the_time_and_keeps_the_new_one() -> None:
    pool = FakePool(10, seed=1)
    pool.exchange(fakes(0, 10))
    shown = [float(pool.exchange(fakes(n))[0, 0, 0, 0]) for n in range(10, 1010)]
    earlier = [value for value, n in zip(shown, range(10, 1010), strict=True) if value != n]
    # 1000 even draws: standard deviation 16.
    assert 420 < len(earlier) < 580
    # Each image leaves the pool once at most: what was exchanged is gone.
    assert len(set(earlier)) == len(earlier)
    assert len(pool) == 10


def test_a_pool_of_no_images_passes_everything_on() -> None:
    pool = FakePool(0, seed=2)
    torch.testing.assert_close(pool.exchange(fakes(3, 5)), fakes(3, 5))
    assert len(pool) == 0


def test_pooled_images_carry_no_gradient_and_are_copies() -> None:
    pool = FakePool(1, seed=3)
    image = torch.zeros(1, 1, 2, 2, requires_grad=True)
    assert not pool.exchange(image).requires_grad
    with torch.no_grad():
        image += 1
    assert float(pool.tensors()["images"].max()) == 0


def test_a_restored_pool_goes_on_as_if_it_had_never_stopped() -> None:
    pool = FakePool(4, seed=4)
    for start in range(0, 40, 2):
        pool.exchange(fakes(start, 2))
    state = {name: tensor.clone() for name, tensor in pool.tensors().items()}
    unbroken = [pool.exchange(fakes(start, 2)) for start in range(40, 80, 2)]
    other = FakePool(4, seed=99)
    other.load_tensors(state)
    restored = [other.exchange(fakes(start, 2)) for start in range(40, 80, 2)]
    torch.testing.assert_close(torch.cat(restored), torch.cat(unbroken), rtol=0, atol=0)


def test_the_state_of_an_empty_pool_can_be_kept_too() -> None:
    pool, other = FakePool(2, seed=5), FakePool(2, seed=6)
    other.load_tensors(pool.tensors())
    torch.testing.assert_close(other.tensors()["rng"], pool.tensors()["rng"])
    assert len(other) == 0


def test_a_pool_refuses_another_image_size_a_state_that_does_not_fit_and_a_negative_size() -> None:
    pool = FakePool(3, seed=7)
    pool.exchange(fakes(0, 3))
    with pytest.raises(InputError, match=r"\(1, 4, 4\)"):
        pool.exchange(torch.zeros(1, 1, 4, 4))
    with pytest.raises(InputError, match="3 images"):
        FakePool(2, seed=7).load_tensors(pool.tensors())
    with pytest.raises(InputError, match="-1"):
        FakePool(-1, seed=7)
