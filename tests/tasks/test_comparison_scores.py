"""Scores of images against a reference, plane by plane, with progress."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.compare import compare
from napari_restoration.tasks.comparison_scores import SCORES, iter_scores, score_rows

RNG = np.random.default_rng(1)
TRUTH = RNG.random((2, 3, 32, 40)) * 100
NOISY = TRUTH + RNG.normal(0, 5, TRUTH.shape)


def image(data, name, axes="TZYX"):
    return CalibratedImage(data, axes, name=name)


def test_they_are_those_of_compare_for_the_image_and_its_coarser_input():
    coarse = NOISY.reshape(2, 3, 16, 2, 20, 2).mean(axis=(3, 5))
    images = image(coarse, "before"), image(NOISY, "after")
    scores = run(iter_scores(images, image(TRUTH, "truth")))
    wanted = compare(images[1], image(TRUTH, "truth"), before=images[0])
    assert scores.data_range == wanted["data_range"]
    for ours, theirs in zip(scores.overall, (wanted["before"], wanted), strict=True):
        assert ours == pytest.approx({name: theirs[name] for name in SCORES})
    assert [plane.position for plane in scores.planes] == [one["position"] for one in wanted["per_plane"]]


def test_the_ssim_of_a_plane_is_that_of_scikit_image():
    scores = run(iter_scores([image(NOISY, "n")], image(TRUTH, "t")))
    expected = structural_similarity(
        NOISY[1, 2], TRUTH[1, 2], gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=np.ptp(TRUTH),
    )  # fmt: skip
    assert scores.planes[-1].values[0]["ssim"] == pytest.approx(expected, abs=1e-7)


def test_two_coarse_images_are_both_enlarged():
    coarse = NOISY.reshape(2, 3, 16, 2, 20, 2).mean(axis=(3, 5))
    scores = run(iter_scores([image(coarse, "a"), image(coarse + 1, "b")], image(TRUTH, "t")))
    assert scores.overall[0]["psnr_affine"] == pytest.approx(scores.overall[1]["psnr_affine"])
    assert scores.overall[0]["psnr"] != scores.overall[1]["psnr"]


def test_identical_planes_are_counted_and_do_not_count_in_the_mean():
    half = NOISY.copy()
    half[0] = TRUTH[0]
    scores = run(iter_scores([image(half, "half")], image(TRUTH, "truth")))
    assert scores.identical_planes == (3,)
    assert scores.planes[0].values[0]["psnr"] is None
    assert scores.overall[0]["psnr"] == pytest.approx(
        np.mean([p.values[0]["psnr"] for p in scores.planes[3:]])
    )


def test_progress_counts_planes_and_ends_at_the_last():
    reports = list(iter_scores([image(NOISY, "n")], image(TRUTH, "t")))
    assert [report.done for report in reports] == list(range(1, 13))
    assert {report.total for report in reports} == {12}


@pytest.mark.parametrize("shape", [(2, 3, 64, 80), (2, 2, 32, 40), (2, 3, 15, 20)])
def test_what_does_not_fit_the_reference_is_refused_before_anything_is_read(shape):
    with pytest.raises(InputError, match="cannot be scored"):
        next(iter_scores([image(np.zeros(shape), "n")], image(TRUTH, "t")))


def test_the_table_has_every_plane_and_the_mean_of_every_image():
    rows = score_rows(run(iter_scores([image(NOISY, "n"), image(TRUTH, "same")], image(TRUTH, "t"))))
    assert rows[0][:6] == ["image", "reference", "data_range", "plane", "T", "Z"]
    assert len(rows) == 1 + 2 * (1 + 6)
    assert [row[3] for row in rows[1:4]] == ["mean", "0", "1"]
    assert rows[8][rows[0].index("psnr")] == ""  # infinite for an image that equals its reference
