"""Tiles cover the image once, and what comes out is what the whole image gives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_restoration.core.errors import InputError, TileTooLarge
from napari_restoration.core.progress import run
from napari_restoration.core.tiling import (
    SMALLEST_TILE,
    iter_tiled_inference,
    order_from,
    plan_tiles,
    read_window,
    reflected,
)


def identity(batch):
    return batch


def nearest(scale):
    def predict(batch):
        for axis in range(2, batch.ndim):
            batch = np.repeat(batch, scale, axis=axis)
        return batch

    return predict


def image_of(shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    tile=st.integers(1, 80),
    halo=st.integers(0, 24),
    multiple=st.sampled_from([1, 4, 16]),
    scale=st.integers(1, 3),
)
def test_upscaling_by_repetition_is_reproduced_for_any_size(shape, tile, halo, multiple, scale):
    image = image_of((1, *shape))
    task = iter_tiled_inference(
        image, nearest(scale), tile=(tile, tile), halo=(halo, halo), scale=scale, size_multiple=multiple
    )
    expected = np.repeat(np.repeat(image, scale, 1), scale, 2)
    np.testing.assert_array_equal(run(task), expected)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    tile=st.integers(1, 90),
    multiple=st.sampled_from([1, 4, 16]),
)
def test_cores_cover_every_pixel_once_and_windows_keep_the_stride(shape, tile, multiple):
    covered = np.zeros(shape, int)
    sides = set()
    for one in plan_tiles(shape, tile=(tile, tile), halo=(5, 5), size_multiple=multiple):
        covered[one.core] += 1
        sides.add(one.window_shape)
        for core, window in zip(one.core, one.window, strict=True):
            assert core.start % multiple == 0
            assert window.start % multiple == 0
            assert window.stop % multiple == 0
            assert window.start <= core.start < core.stop <= window.stop
    assert covered.min() == covered.max() == 1


def test_at_most_nine_window_shapes_for_a_large_image():
    tiles = plan_tiles((1000, 1700), tile=(64, 64), halo=(32, 32), size_multiple=16)
    assert len({one.window_shape for one in tiles}) <= 9


@pytest.mark.parametrize("size", [(150, 97), (64, 64), (33, 200)])
def test_a_pooling_network_tiles_to_its_whole_image_result(size):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 4, 3, padding=1),
        torch.nn.Upsample(scale_factor=2),
        torch.nn.Conv2d(4, 1, 3, padding=1),
    ).eval()

    def predict(batch):
        with torch.inference_mode():
            return network(torch.from_numpy(batch)).numpy()

    image = image_of((1, *size))
    tiled = run(iter_tiled_inference(image, predict, tile=(32, 48), halo=(8, 8), size_multiple=2))
    even = read_window(image, (slice(0, size[0] + size[0] % 2), slice(0, size[1] + size[1] % 2)))
    whole = predict(even[None])[0][:, : size[0], : size[1]]
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_volumes_and_bursts_are_tiled_over_their_spatial_axes():
    volume = image_of((1, 9, 20, 30))
    np.testing.assert_array_equal(
        run(iter_tiled_inference(volume, identity, tile=(4, 8, 8), halo=(1, 2, 2), size_multiple=2)), volume
    )
    burst = image_of((3, 1, 40, 30))
    mean = run(iter_tiled_inference(burst, lambda batch: batch.mean(1), tile=(16, 16), halo=(4, 4)))
    np.testing.assert_allclose(mean, burst.mean(0), rtol=1e-6)


def test_a_region_is_restored_from_the_tiles_of_the_full_run():
    image = image_of((1, 100, 100))
    out = np.full((1, 100, 100), np.nan, np.float32)
    region = (slice(40, 50), slice(70, 90))
    reports = list(iter_tiled_inference(image, identity, tile=(32, 32), halo=(4, 4), out=out, region=region))
    done = np.isfinite(out[0])
    assert done[region].all()
    assert done[32:64, 64:96].all()
    assert done.sum() == 32 * 32
    assert [report.total for report in reports] == [1]


def test_tiles_nearest_the_centre_come_first():
    tiles = order_from(plan_tiles((96, 96), tile=(32, 32), halo=(0, 0)), (48, 48))
    assert tiles[0].core == (slice(32, 64), slice(32, 64))


def test_reflection_folds_indices_far_outside():
    for length in (1, 2, 5):
        padded = np.pad(np.arange(length), 3 * length, mode="reflect" if length > 1 else "edge")
        index = np.arange(-3 * length, 4 * length)
        np.testing.assert_array_equal(reflected(index, length), padded)


class LimitedMemory:
    """An identity that fails on windows beyond a side, as a full GPU would."""

    def __init__(self, largest):
        self.largest = largest
        self.failures = 0

    def __call__(self, batch):
        if max(batch.shape[-2:]) > self.largest:
            self.failures += 1
            raise TileTooLarge("full")
        return batch


def test_out_of_memory_halves_the_tile_and_goes_on_from_the_failed_one():
    image = image_of((1, 300, 200))
    predict = LimitedMemory(100)
    told = []
    out = run(
        iter_tiled_inference(
            image, predict, tile=(256, 256), halo=(8, 8), size_multiple=4, on_shrink=told.append
        )
    )
    np.testing.assert_array_equal(out, image)
    assert told == [(128, 128), (64, 64)]
    assert predict.failures == 2


def test_finished_tiles_are_not_done_again_when_memory_runs_out_midway():
    image = image_of((1, 64, 256))
    written = []

    class Store:
        def __setitem__(self, region, values):
            written.append(region[2].start)

    calls = []

    def predict(batch):
        calls.append(batch.shape)
        if len(calls) == 3:
            raise TileTooLarge("full")
        return batch

    run(iter_tiled_inference(image, predict, tile=(64, 64), halo=(0, 0), out=Store()))
    assert written[:2] == [0, 64]
    assert sorted(set(written[2:])) == [128, 160, 192, 224]


def test_a_tile_the_user_fixed_is_not_changed():
    with pytest.raises(TileTooLarge):
        run(
            iter_tiled_inference(
                image_of((1, 64, 64)), LimitedMemory(10), tile=(64, 64), halo=(0, 0), may_shrink=False
            )
        )


def test_the_smallest_tile_falls_back_before_giving_up():
    image = image_of((1, 64, 64))
    predict = LimitedMemory(SMALLEST_TILE - 1)
    asked = []

    def fall_back():
        asked.append(True)
        predict.largest = 1000
        return True

    out = run(iter_tiled_inference(image, predict, tile=(64, 64), halo=(0, 0), fall_back=fall_back))
    np.testing.assert_array_equal(out, image)
    assert asked == [True]
    with pytest.raises(TileTooLarge):
        run(iter_tiled_inference(image, LimitedMemory(4), tile=(64, 64), halo=(0, 0)))


def test_tile_and_image_must_have_matching_dimensions():
    with pytest.raises(InputError, match="does not fit"):
        run(iter_tiled_inference(image_of((1, 8, 8)), identity, tile=(8, 8, 8), halo=(0, 0, 0)))
