import json
import math

import dask.array as da
import numpy as np
import pytest

from napari_restoration.core import metrics
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.tasks.compare import compare

NAMES = [name + suffix for suffix in ("", "_affine") for name in metrics.METRICS]


def stack(shape=(3, 24, 30), seed=0, noise=0.0):
    reference = np.random.default_rng(0).gamma(2, 50, shape)
    return (reference + np.random.default_rng(seed).normal(0, noise, shape)).astype(np.float32)


def image(data, axes="TYX", name="image"):
    return CalibratedImage(data, axes, name=name)


def test_the_result_is_the_mean_over_planes():
    restored, reference = stack(seed=1, noise=5), stack()
    result = compare(image(restored), image(reference))
    spread = np.ptp(reference.astype(float))
    expected = [metrics.score(x, y, data_range=spread) for x, y in zip(restored, reference, strict=True)]
    assert result["data_range"] == spread
    for name in NAMES:
        assert result[name] == pytest.approx(np.mean([scores[name] for scores in expected]))
        assert [plane[name] for plane in result["per_plane"]] == [
            pytest.approx(scores[name]) for scores in expected
        ]


def test_each_plane_carries_its_position():
    data = stack((2, 3, 12, 12))
    result = compare(image(data, "TZYX"), image(data, "TZYX"))
    positions = [plane["position"] for plane in result["per_plane"]]
    assert positions == [{"T": t, "Z": z} for t in range(2) for z in range(3)]


def test_identical_images_have_no_psnr_and_are_counted():
    result = compare(image(stack()), image(stack()))
    assert result["psnr"] is None
    assert result["ssim"] == pytest.approx(1)
    assert result["identical_planes"] == 3


def test_one_identical_plane_is_left_out_of_the_mean_psnr():
    restored = stack(seed=1, noise=5)
    restored[0] = stack()[0]
    result = compare(image(restored), image(stack()))
    rest = compare(image(restored[1:]), image(stack()[1:]), data_range=result["data_range"])
    assert result["psnr"] == pytest.approx(rest["psnr"])
    assert result["identical_planes"] == 1


def test_the_result_is_valid_json_whatever_is_undefined():
    restored, reference = stack(), np.zeros((3, 24, 30), np.float32)
    restored[1, 2, 3] = np.nan
    result = compare(image(restored), image(reference), before=image(restored))
    text = json.dumps(result, allow_nan=False)
    assert json.loads(text)["psnr"] is None
    assert result["nonfinite_pixels"] == 1


def test_a_given_data_range_is_used():
    restored, reference = image(stack(seed=1, noise=5)), image(stack())
    low = compare(restored, reference, data_range=1.0)
    high = compare(restored, reference, data_range=10.0)
    assert high["psnr"] == pytest.approx(low["psnr"] + 20)


@pytest.mark.parametrize("data_range", [0.0, -1.0, math.nan])
def test_an_impossible_data_range_is_refused(data_range):
    with pytest.raises(InputError, match="positive number"):
        compare(image(stack()), image(stack()), data_range=data_range)


def test_the_input_is_scored_beside_the_result():
    worse, better, reference = stack(seed=1, noise=20), stack(seed=2, noise=2), stack()
    result = compare(image(better), image(reference), before=image(worse, name="input"))
    alone = compare(image(worse), image(reference))
    assert result["before"]["name"] == "input"
    assert result["psnr"] > result["before"]["psnr"]
    for name in NAMES:
        assert result["before"][name] == pytest.approx(alone[name])


def test_a_coarser_input_is_enlarged_without_a_shift():
    y, x = np.mgrid[:64, :48]
    reference = 100 + 50 * np.sin(y / 5) * np.cos(x / 6)
    binned = reference.reshape(32, 2, 24, 2).mean((1, 3))
    result = compare(image(reference, "YX"), image(reference, "YX"), before=image(binned, "YX"))
    assert result["before"]["psnr"] > 40  # half a pixel off would cost 15 dB


def test_colour_is_scored_with_its_plane():
    reference = stack((2, 20, 22, 3))
    restored = reference + np.float32(5)
    result = compare(image(restored, "ZYXS"), image(reference, "ZYXS"))
    assert result["planes"] == 2
    assert result["mae"] == pytest.approx(5, abs=1e-4)


def test_axes_may_stand_in_another_order():
    data = stack((2, 3, 12, 14))
    other = image(data.transpose(1, 3, 0, 2), "ZXTY")
    assert compare(other, image(data, "TZYX"))["mae"] == 0


def test_axes_of_length_one_may_be_absent():
    data = stack((12, 14))
    assert compare(image(data, "YX"), image(data[None, None], "TCYX"))["planes"] == 1


def test_the_middle_frame_stands_for_a_burst_that_became_one_plane():
    frames = stack((5, 20, 20), seed=3, noise=10)
    reference = image(stack((20, 20)), "YX")
    result = compare(reference, reference, before=image(frames))
    assert result["before"]["mae"] == pytest.approx(metrics.mae(frames[2], reference.data))


def test_lazy_stacks_are_read_plane_by_plane():
    read = []

    def plane(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return stack((1, 24, 30))

    lazy = da.map_blocks(plane, chunks=((1,) * 4, (24,), (30,)), dtype=np.float32, meta=np.empty((0,) * 3))
    compare(image(lazy), image(stack((4, 24, 30))))
    assert len(read) == 4


def test_planes_too_small_for_ssim_keep_their_other_scores():
    result = compare(image(stack((2, 5, 5), seed=1, noise=3)), image(stack((2, 5, 5))))
    assert result["ssim"] is None
    assert result["psnr"] > 0


@pytest.mark.parametrize(
    ("shape", "axes"), [((24, 30), "YX"), ((3, 24, 31), "TYX"), ((3, 24, 30), "ZYX"), ((24, 30, 3), "YXS")]
)
def test_sizes_that_do_not_match_are_refused_with_both_images_named(shape, axes):
    with pytest.raises(InputError, match=r"'restored' \(.*'truth' \(TYX, 3 x 24 x 30\)"):
        compare(image(stack(shape), axes, "restored"), image(stack(), name="truth"))


@pytest.mark.parametrize("shape", [(3, 24, 20), (3, 48, 60), (3, 8, 15), (2, 24, 30)])
def test_an_input_that_does_not_fit_is_refused(shape):
    with pytest.raises(InputError, match="The input 'before'"):
        compare(image(stack()), image(stack()), before=image(stack(shape), name="before"))
