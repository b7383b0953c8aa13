"""An image unlike a model's training images is told, with a number and a way out; one alike is not."""

import json

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.core.progress import Notice, run
from napari_restoration.models.registry import find_card
from napari_restoration.tasks.domain import check_domain
from napari_restoration.tasks.domain_measure import measure_image
from napari_restoration.tasks.restore_file import iter_restore_file
from napari_restoration.training.domain import domain_statistics, middle_detail, radial_power, signal_share

CARD = {"low_percentile": 2.0, "high_percentile": 99.8}


def scene(seed=0, side=256, blur=1.0):
    """Smooth round grains of many sizes on a dark ground, 0 to 1."""
    rng = np.random.default_rng(seed)
    points = np.zeros((side, side))
    points[rng.integers(0, side, 150), rng.integers(0, side, 150)] = rng.uniform(0.3, 1, 150)
    grains = sum(ndimage.gaussian_filter(points, size) * size for size in (1, 2, 4))
    grains = ndimage.gaussian_filter(grains, blur)
    return grains / grains.max()


def camera(image, photons=100.0, seed=0):
    """Shot and read noise on grey levels of an offset of 100."""
    rng = np.random.default_rng([seed, 1])
    noisy = rng.poisson(photons * (image + 0.05)) + rng.normal(0, 2, image.shape)
    return np.round(np.clip(100 + 4 * noisy, 0, 65535)).astype(np.uint16)


@pytest.fixture(scope="module")
def domain():
    """Statistics of simulated training images, as an export writes them."""

    def fields():
        for seed in range(48):
            image = camera(scene(seed, 160), photons=40 * 1.06**seed, seed=seed).astype(float)
            low, high = np.percentile(image, [2, 99.8])
            yield (image - low) / (high - low)

    return domain_statistics(fields())


@pytest.fixture
def card_of(known_model, domain):
    def make(**fields):
        return known_model(**{"domain": domain, **CARD, **fields}).card

    return make


def kinds(report):
    return [one.kind for one in report.findings]


def test_images_like_those_of_training_raise_no_alarm(card_of):
    alarms = [
        kinds(check_domain(CalibratedImage(camera(scene(seed), seed=seed), "YX"), card_of()))
        for seed in range(100, 112)
    ]
    assert sum(map(bool, alarms)) <= 1
    report = check_domain(CalibratedImage(camera(scene(100), seed=100), "YX"), card_of())
    assert (report.is_known, report.words, report.better_model) == (True, "", None)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (
            lambda: camera(scene(5), photons=1e4).astype(np.float32),
            "clean",
            "times less noise than nearly all",
        ),
        (
            lambda: ndimage.gaussian_filter(camera(scene(5)).astype(np.float32), 1.2),
            "clean",
            "take the raw image",
        ),
        (lambda: camera(scene(5, blur=9)), "soft", "out of focus"),
        (lambda: camera(scene(5), photons=0.3), "drowned", "average frames or expose longer"),
        (lambda: 1000 - camera(scene(5)).clip(0, 900), "bright", "invert it"),
        (lambda: np.minimum(camera(scene(5)), 250), "saturated", "saturated"),
    ],
)
def test_each_way_of_being_other_is_named_with_its_number(card_of, change, kind, words):
    report = check_domain(CalibratedImage(change(), "YX", name="cells"), card_of())
    assert kind in kinds(report)
    (finding,) = (one for one in report.findings if one.kind == kind)
    assert words in finding.words
    assert any(letter.isdigit() for letter in finding.words)
    assert report.words.startswith("Unlike what known was trained on: ")
    json.dumps(report.to_dict(), allow_nan=False)


def test_fine_detail_taken_out_of_a_noisy_image_is_told_where_noise_alone_is_not(card_of, domain):
    without_noise = {name: value for name, value in domain.items() if name != "noise_level"}
    image = ndimage.gaussian_filter(camera(scene(5)).astype(np.float32), 1.2)
    report = check_domain(CalibratedImage(image, "YX"), card_of(domain=without_noise))
    assert kinds(report)[0] == "smooth"


def test_a_pixel_size_outside_of_the_cards_range_says_what_to_resample_to(card_of):
    card = card_of(pixel_size_um=(0.1, 0.2), domain={})
    image = CalibratedImage(camera(scene(100)), "YX", {"Y": 0.4, "X": 0.4})
    report = check_domain(image, card)
    assert kinds(report) == ["pixel_size"]
    assert "2 times coarser" in report.words
    assert "resample it to 0.2 um" in report.words
    for size in ({"Y": 0.15, "X": 0.15}, {}):
        assert not check_domain(image.replace(pixel_size_um=size), card).findings
    assert not check_domain(image.replace(pixel_size_um={}), card).is_known


@pytest.mark.parametrize(
    "broken",
    [{}, {"noise_level": "low"}, {"noise_level": {"p5": 3, "p50": 2, "p95": 1}}, {"median": {"p5": None}},
     {"log10_radial_power": {"mean": [0], "sd": [1]}}],
)  # fmt: skip
def test_a_card_without_usable_statistics_says_nothing(card_of, broken):
    report = check_domain(CalibratedImage(camera(scene(5), photons=1e4), "YX"), card_of(domain=broken))
    assert report.words == ""


def test_small_constant_and_missing_pixels_are_not_judged(card_of):
    for data in (np.ones((40, 400)), np.full((100, 100), 7.0), np.full((100, 100), np.nan)):
        report = check_domain(CalibratedImage(data, "YX"), card_of())
        assert (report.is_known, report.findings) == (False, ())
    holes = camera(scene(100), seed=100).astype(np.float32)
    holes[10:14, 10:14] = np.nan
    assert not check_domain(CalibratedImage(holes, "YX"), card_of()).findings


def test_of_a_large_stack_four_parts_are_read(card_of):
    class Counted:
        shape, dtype, read = (500, 3, 4000, 5000), np.dtype(np.uint16), 0

        def __getitem__(self, key):
            shape = [
                len(range(*k.indices(n)))
                for k, n in zip(key, self.shape, strict=True)
                if isinstance(k, slice)
            ]
            Counted.read += int(np.prod(shape))
            return camera(scene(3, max(shape)))[: shape[0], : shape[1]]

    sample = measure_image(CalibratedImage(Counted(), "TCYX"), 2, 99.8, channel=2)
    assert Counted.read == 4 * 512 * 512
    assert sample.windows >= 4


def test_another_model_that_fits_is_offered():
    """A clean image for a network that was trained on noisy ones."""
    card = find_card("denoise-care")[0]
    report = check_domain(CalibratedImage(camera(scene(5, 512, blur=3), photons=3000), "YX"), card)
    assert report.findings
    assert report.better_model in (None, "refocus-c2f", "superres-x2", "deblur-burst")
    if report.better_model is not None:
        assert report.better_model in report.words


def test_restoring_a_file_tells_it_as_a_notice_and_in_the_report(known_model, domain, tmp_path):
    model = known_model(domain=domain, **CARD)
    clean = camera(scene(5), photons=1e4).astype(np.float32)
    write_image(tmp_path / "clean.tif", CalibratedImage(clean, "YX"))
    told = []
    report = run(iter_restore_file(tmp_path / "clean.tif", tmp_path / "out.tif", model), told.append)
    assert report["domain"]["findings"][0]["kind"] == "clean"
    assert report["domain"]["words"] in [one.message for one in told if isinstance(one, Notice)]
    assert report["domain"]["words"] in report["notices"]


def test_the_measures_tell_noise_blur_and_detail_apart():
    noise = np.random.default_rng(0).normal(size=(160, 160))
    white = np.log10(radial_power(noise))
    assert signal_share(white) < 0.05
    assert abs(middle_detail(white)) < 0.1
    sharp, blurred = (np.log10(radial_power(scene(1, 160, blur) + 0.01 * noise)) for blur in (1, 9))
    assert signal_share(sharp) > 0.9
    assert middle_detail(sharp) > middle_detail(blurred) + 0.5
