"""Judging whole restorations: what was planted is found, what is right is left alone, and the answer says why."""

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.trust import iter_trust, iter_trust_planes, trust
from napari_restoration.tasks.trust_judge import make_judge
from napari_restoration.tasks.trust_result import LAYERS, TrustDone, TrustProgress, TrustSummary
from napari_restoration.tasks.trust_settings import TrustSettings
from napari_restoration.tasks.trust_words import trust_words

GAIN, OFFSET, READ = 0.5, 100.0, 1.5
CAMERA = {"offset_adu": OFFSET, "gain_electrons_per_adu": GAIN, "read_noise_electrons": READ}
FILTER = "classical-gaussian"


def truth(side=160, seed=0):
    """Smooth bodies, in grey levels above the offset: 20 to 220 electrons."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((side, side)), 9, mode="wrap")
    return (20 + 200 * np.clip(noise / noise.max(), 0, 1)) / GAIN + OFFSET


def recorded(expected, seed=1):
    rng = np.random.default_rng(seed)
    electrons = rng.poisson((expected - OFFSET) * GAIN) + rng.normal(0, READ, expected.shape)
    return CalibratedImage(
        (electrons / GAIN + OFFSET).astype(np.float32), "YX", pixel_size_um={"Y": 0.1, "X": 0.1}
    )


def blob(shape, y, x, sigma, height):
    rows, columns = np.indices(shape)
    return height * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))


def with_pixels(result, pixels):
    return result.image.replace(data=np.asarray(pixels, dtype=np.float32))


@pytest.fixture(scope="module")
def raw():
    return recorded(truth())


@pytest.fixture(scope="module")
def result(raw):
    return restore(raw, FILTER)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_true_image_is_marked_no_more_than_the_stated_rate(seed):
    raw = recorded(truth(seed=seed), seed + 1)
    # What no network made from this raw image follows none of its noise.
    judged = trust(raw, with_pixels(restore(raw, FILTER), truth(seed=seed)), views=0, repeat=False, **CAMERA)
    assert judged.report.summary.share <= judged.report.summary.threshold
    assert judged.words.startswith(("Nothing stands out", "No place"))


def test_a_restoration_without_faults_is_marked_no_more_than_the_stated_rate(raw, result):
    judged = trust(raw, result, **CAMERA)
    assert judged.report.summary.share <= judged.report.summary.threshold
    assert judged.words.startswith(("Nothing stands out", "No place"))


@pytest.mark.parametrize("sign", [1, -1])
def test_what_was_added_or_removed_is_marked_there_and_not_elsewhere(raw, result, sign):
    planted = truth() + sign * blob((160, 160), 60, 100, 3.0, 120)
    judged = trust(raw, with_pixels(result, planted), views=0, **CAMERA)
    marked = judged.maps["trust"].data < judged.report.summary.threshold
    near = blob((160, 160), 60, 100, 3.0, 1) > 0.5
    far = ndimage.distance_transform_edt(~near) > 20
    assert marked[near].all()
    assert marked[far].mean() <= 0.02
    assert "not supported by the data" in judged.words
    # Brighter than what was recorded leaves a residual below 0.
    assert np.sign(np.mean(judged.maps["residual"].data[near])) == -sign


def test_the_camera_is_estimated_where_it_is_not_known(raw, result):
    planted = truth() + blob((160, 160), 60, 100, 3.0, 120)
    judged = trust(raw, with_pixels(result, planted), views=0)
    assert (judged.maps["trust"].data[57:64, 97:104] < 0.01).all()
    assert any("estimated" in notice for notice in judged.report.notices)


def test_maps_lie_on_the_restoration_and_carry_how_they_were_made(raw, known_model):
    model = known_model(scale=2, task="superres")
    enlarged = restore(raw, model)
    judged = trust(raw, enlarged, model, views=2, **CAMERA)
    assert list(judged.maps) == [name for name in LAYERS if name in judged.maps]
    for image in judged.maps.values():
        assert (image.shape, image.axes, image.data.dtype) == ((320, 320), "YX", np.float32)
        assert image.pixel_size_um == enlarged.image.pixel_size_um
        assert image.origin_um == enlarged.image.origin_um
        record = image.metadata["provenance"]
        assert (record["task"], record["model"]["id"]) == ("trust", "known")
        assert record["parents"][0]["task"] == "superres"


def test_planes_of_a_lazy_stack_are_judged_one_by_one(known_model):
    planes = np.stack([recorded(truth(64, seed), seed).data for seed in range(3)])
    reads = []

    def look(block, block_info=None):
        reads.append(block_info[0]["array-location"][0][0])
        return block

    lazy = da.from_array(planes, chunks=(1, 64, 64)).map_blocks(look, dtype=np.float32)
    stack = CalibratedImage(lazy, "TYX")
    model = known_model()
    restored = restore(CalibratedImage(planes, "TYX"), model)
    restoration = run(prepare(stack, model))
    judge = run(make_judge(restoration, TrustSettings(views=2, repeat=False, **CAMERA)))
    reads.clear()
    seen = []
    task = iter_trust_planes(restoration, restored.image, judge)
    for report in task:
        if isinstance(report, TrustDone):
            seen.append((report.block.index["T"], max(reads)))
            single = trust(
                CalibratedImage(planes[seen[-1][0]], "YX"), with_pixels_of(restored, seen[-1][0]), model,
                views=2, repeat=False, **CAMERA,
            )  # fmt: skip
            assert set(single.maps) == set(report.maps)
        else:
            assert isinstance(report, TrustProgress)
            assert report.total >= report.done
    assert seen == [(0, 0), (1, 1), (2, 2)]


def with_pixels_of(restored, number):
    return CalibratedImage(restored.image.data[number], "YX", metadata=restored.image.metadata)


def test_to_stop_pulling_cancels_and_leaves_the_restoration_usable(raw, result):
    restoration = run(prepare(raw, FILTER))
    task = iter_trust(raw, result, restoration, settings=TrustSettings(views=4))
    assert any(isinstance(next(task), TrustProgress) for _ in range(4))
    task.close()
    np.testing.assert_array_equal(run(restoration.iter_run()).image.data, result.image.data)


def test_parts_that_cannot_be_had_are_named_with_the_reason(raw, result):
    judged = trust(raw, result, views=0)
    assert set(judged.report.why_not) == {"null", "uncertainty", "disagreement"}
    assert "does not state its uncertainty" in judged.report.why_not["uncertainty"]
    assert judged.report.to_dict()["not_had"]["disagreement"] == "turned copies were not asked for"
    assert "null-space share" not in judged.maps


def test_a_flat_image_has_no_maps_and_says_so(known_model):
    flat = CalibratedImage(np.full((48, 48), 7, np.uint16), "YX")
    judged = trust(flat, restore(flat, known_model()), known_model())
    assert np.isnan(judged.maps["trust"].data).all()
    assert judged.words.startswith("There is no combined map")


def test_images_that_do_not_belong_together_are_refused(raw, result):
    with pytest.raises(InputError, match="do not belong together"):
        trust(raw, CalibratedImage(np.zeros((20, 20), np.float32), "YX"), FILTER)
    with pytest.raises(InputError, match="no record of the model"):
        trust(raw, raw)
    colour = CalibratedImage(np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8), "YXS")
    with pytest.raises(InputError, match="in colour"):
        trust(colour, restore(colour, FILTER, dtype="same"))


def test_the_sentence_holds_the_share_against_chance():
    summary = TrustSummary(
        threshold=0.01, share=0.03, strong_share=0.01, structure_share=0.1,
        by_part={"data": 0.02, "disagreement": 0.01}, chance_median=0.012, chance_p95=0.05, chance_strong=1e-4,
        is_own=True,
    )  # fmt: skip
    assert trust_words(summary) == (
        "3 % of this image is not supported by the data; look at the marked places, most of all because the raw image "
        "contradicts it (typical restorations have 1.2 % marked)."
    )
    assert "give the camera's numbers)." in trust_words(replace(summary, noise_is_sure=False))
    unsure = replace(summary, by_part={"data": 0.01, "disagreement": 0.02})
    assert "is uncertain" in trust_words(unsure)
    quiet = replace(summary, share=0.011, strong_share=1e-4)
    assert trust_words(quiet) == (
        "Nothing stands out: 1.1 % of this image is marked, typical restorations have 1.2 %."
    )
    # Little, but what is there is far beyond chance.
    assert "not supported" in trust_words(replace(quiet, strong_share=0.002))
    assert trust_words(replace(summary, share=0.0)) == "No place of this image is marked."
    assert "not measured" in trust_words(replace(summary, chance_median=float("nan")))
