import json

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.pair_doctor import (
    Found,
    PairLimits,
    find_pairs,
    iter_check_pairs,
    pairs_of_images,
)
from napari_restoration.tasks.pair_fix import iter_fix_pairs
from napari_restoration.training.pairs.pair import make_pair

SHAPE = (128, 144)


def truth(seed=0, shape=SHAPE):
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), 2.0, mode="wrap")
    spots = ndimage.gaussian_filter((rng.random(shape) < 0.005).astype(float), 1.5, mode="wrap")
    return (200 + 100 * field / field.std() / 4 + 800 * spots / spots.max()).astype(np.float32)


def noisy(image, seed=1, sd=25.0):
    return (image + np.random.default_rng(seed).normal(0, sd, image.shape)).astype(np.float32)


GIVEN, TARGET = noisy(truth()), noisy(truth(), 2, 1.0)


def check(given, target, axes="YX", **options):
    axes = (axes, axes) if isinstance(axes, str) else axes
    images = tuple(CalibratedImage(one, a, name="cell") for one, a in zip((given, target), axes, strict=True))
    return run(iter_check_pairs(pairs_of_images([images]), **options))


def kinds(report, severity=None):
    return {one.kind for one in report.findings if severity in (None, one.severity)}


def test_a_sound_pair_is_told_nothing():
    report = check(GIVEN, TARGET)

    assert report.findings == ()
    assert len(report.usable) == 1
    assert not report.has_errors


def with_pixels(image, value, count=4):
    spoiled = image.copy()
    spoiled[3, :count] = value
    return spoiled


COARSE = 1000 * ndimage.gaussian_filter(np.random.default_rng(4).random(SHAPE), 6, mode="wrap")
COARSE = (100 + 900 * (COARSE - COARSE.min()) / np.ptp(COARSE)).astype(np.float32)
ERRORS = [
    ("constant", GIVEN, np.full_like(TARGET, 7)),
    ("missing", np.full_like(GIVEN, np.nan), TARGET),
    ("identical", GIVEN, 3 * GIVEN + 10),
    ("swapped", TARGET, GIVEN),
    ("unrelated", GIVEN, truth(seed=9)),
    ("empty", GIVEN, noisy(np.full(SHAPE, 200.0))),
    ("shape", GIVEN, TARGET[:-5, :-3]),
    ("shift", GIVEN, np.roll(TARGET, 20, axis=1)),
]
WARNINGS = [
    ("missing", GIVEN, with_pixels(TARGET, np.nan)),
    ("saturated", np.minimum(GIVEN, np.percentile(GIVEN, 96)), TARGET),
    ("shift", GIVEN, ndimage.shift(TARGET, (0.9, -1.2), order=3, mode="mirror")),
    ("nonlinear", noisy(COARSE), 1000 * (COARSE / 1000) ** 0.5),
    ("inverted", GIVEN, 1000 - TARGET),
]


@pytest.mark.parametrize(("kind", "given", "target"), ERRORS, ids=[one[0] for one in ERRORS])
def test_a_pair_that_must_not_be_trained_on_is_an_error(kind, given, target):
    report = check(given, target)

    assert kind in kinds(report, "error")
    assert report.usable == ()
    assert all(one.words and one.advice for one in report.findings)


@pytest.mark.parametrize(("kind", "given", "target"), WARNINGS)
def test_a_pair_that_can_be_mended_is_warned_of(kind, given, target):
    report = check(given, target)

    assert kind in kinds(report, "warning")
    assert len(report.usable) == 1


def test_the_shift_is_told_in_pixels_with_its_error():
    (finding,) = check(GIVEN, ndimage.shift(TARGET, (0.9, -1.2), order=3, mode="mirror")).findings

    assert finding.value == pytest.approx(1.5, abs=0.05)
    assert finding.fix == "register"
    assert "+0.9" in finding.words
    assert "-1.2" in finding.words


def test_another_scale_is_a_note_with_gain_and_a_twofold_ratio_is_super_resolution():
    assert kinds(check(GIVEN, 5 * TARGET + 100), "note") == {"intensity"}
    assert check(GIVEN, 5 * TARGET + 100).findings[0].value == pytest.approx(5, rel=0.05)

    fine = np.repeat(np.repeat(TARGET, 2, 0), 2, 1)
    report = check(GIVEN, fine)
    assert report.scale == 2
    assert kinds(report, "note") == {"super_resolution"}


def test_channels_and_planes_that_do_not_fit_are_errors():
    assert kinds(check(np.stack([GIVEN] * 2), np.stack([TARGET] * 5), "CYX")) == {"channels"}
    assert kinds(check(np.stack([GIVEN] * 2), np.stack([TARGET] * 5), "ZYX")) == {"planes"}


def test_a_pair_unlike_the_others_of_its_set_is_named():
    images = [
        (CalibratedImage(noisy(truth(n)), "YX", name=f"c{n}"), CalibratedImage(truth(n), "YX"))
        for n in range(3)
    ]
    odd = CalibratedImage(np.round(images[2][0].data).astype(np.uint16), "YX", name="c2")
    fine = CalibratedImage(np.repeat(np.repeat(truth(2), 2, 0), 2, 1), "YX")

    report = run(iter_check_pairs(pairs_of_images([*images[:2], (odd, fine)])))

    assert {one.kind for one in report.of("c2")} == {"dtype", "odd_scale"}
    assert [pair.name for pair in report.usable] == ["c0", "c1"]


def test_copies_within_the_set_and_in_validation_are_told():
    def one(name, seed, offset=0.0):
        return (
            CalibratedImage(noisy(truth(seed), seed), "YX", name=name),
            CalibratedImage(truth(seed) + offset, "YX"),
        )

    train = pairs_of_images([one("a", 1), one("b", 2), one("copy", 1)])
    held = pairs_of_images([one("v", 2)])

    report = run(iter_check_pairs(train, validation=held))

    assert {(f.kind, f.pair) for f in report.findings} == {("duplicate", "copy"), ("leak", "b")}


def test_limits_decide_what_is_worth_a_word():
    shifted = ndimage.shift(TARGET, (0.0, 0.8), order=3, mode="mirror")

    assert kinds(check(GIVEN, shifted)) == {"shift"}
    assert kinds(check(GIVEN, shifted, limits=PairLimits(shift_px=1.0))) == set()
    with pytest.raises(InputError, match="shift_px"):
        PairLimits(shift_px=float("nan"))


def test_no_pair_at_all_is_refused():
    with pytest.raises(InputError, match="no pair"):
        run(iter_check_pairs(Found(pairs=())))


@pytest.fixture
def faulty(tmp_path):
    """A folder of five pairs: sound, shifted, with a missing pixel, a few rows short, constant."""
    cells = {name: truth(seed) for seed, name in enumerate(["fine", "shifted", "holes", "short", "flat"], 10)}
    targets = dict(cells)
    targets["shifted"] = ndimage.shift(cells["shifted"], (2.4, -1.3), order=3, mode="mirror")
    targets["holes"] = with_pixels(cells["holes"], np.nan)
    targets["short"] = cells["short"][:-4]
    targets["flat"] = np.full(SHAPE, 3, np.float32)
    for side, images in (("input", {n: noisy(c, 5) for n, c in cells.items()}), ("target", targets)):
        (tmp_path / "raw" / side).mkdir(parents=True)
        for name, image in images.items():
            tifffile.imwrite(tmp_path / "raw" / side / f"{name}.tif", image)
    return tmp_path


def test_mended_pairs_are_sound_and_the_originals_untouched(faulty):
    before = {path: path.read_bytes() for path in (faulty / "raw").rglob("*.tif")}
    report = run(iter_check_pairs(find_pairs(faulty / "raw")))

    fixed = run(iter_fix_pairs(report, faulty / "good"))

    assert fixed.left_out == ("flat.tif",)
    assert fixed.mended == {"holes.tif": ("fill",), "short.tif": ("crop",), "shifted.tif": ("register",)}
    again = run(iter_check_pairs(find_pairs(faulty / "good")))
    assert again.findings == ()
    assert len(again.pairs) == 4
    assert {path: path.read_bytes() for path in (faulty / "raw").rglob("*.tif")} == before
    record = json.loads((faulty / "good/pairs.json").read_text())
    entry = next(one for one in record["pairs"] if one["pair"] == "shifted.tif")
    np.testing.assert_allclose(entry["shift_px"], (-2.4, 1.3), atol=0.08)


def test_registered_pairs_fit_pixel_by_pixel(faulty):
    report = run(iter_check_pairs(find_pairs(faulty / "raw")))
    run(iter_fix_pairs(report, faulty / "good"))

    given, target = (tifffile.imread(faulty / "good" / side / "shifted.tif") for side in ("input", "target"))

    assert given.shape == target.shape
    assert np.std(given - target) == pytest.approx(25, rel=0.05)


def test_swapping_and_mapping_are_done_when_asked_for(tmp_path):
    pairs = pairs_of_images([(CalibratedImage(4 * TARGET, "YX", name="cell"), CalibratedImage(GIVEN, "YX"))])
    report = run(iter_check_pairs(pairs))

    with pytest.raises(InputError, match="No pair would be left"):
        run(iter_fix_pairs(report, tmp_path / "none"))
    fixed = run(iter_fix_pairs(report, tmp_path / "good", fixes=("swap", "fit")))

    assert fixed.mended == {"cell.tif": ("swap", "fit")}
    given, target = (tifffile.imread(tmp_path / "good" / side / "cell.tif") for side in ("input", "target"))
    np.testing.assert_array_equal(given, GIVEN)
    assert np.std(given - target) == pytest.approx(25, rel=0.1)


def test_pairs_that_differ_in_their_file_ending_alone_are_all_written(tmp_path):
    images = [
        (CalibratedImage(noisy(truth(n), n), "YX", name=name), CalibratedImage(truth(n), "YX", name=name))
        for n, name in enumerate(["a.tif", "a.png", "A.tif"])
    ]

    fixed = run(iter_fix_pairs(run(iter_check_pairs(pairs_of_images(images))), tmp_path / "good"))

    assert fixed.written == ("a.tif", "a_2.tif", "A_3.tif")
    for number, name in enumerate(fixed.written):
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "good/target" / name), truth(number))


def test_a_folder_in_use_is_refused(faulty):
    report = run(iter_check_pairs(find_pairs(faulty / "raw")))

    with pytest.raises(OutputError, match="not empty"):
        run(iter_fix_pairs(report, faulty / "raw"))


def test_colours_are_cropped_with_their_samples(tmp_path):
    rgb = np.stack([GIVEN, GIVEN, GIVEN], axis=-1), np.stack([TARGET[:-4]] * 3, axis=-1)
    images = [CalibratedImage(np.clip(one, 0, 65535).astype(np.uint16), "YXS", name="c") for one in rgb]
    report = run(iter_check_pairs(Found(pairs=(make_pair(*images),))))

    run(iter_fix_pairs(report, tmp_path / "good"))

    shapes = {tifffile.imread(tmp_path / "good" / side / "c.tif").shape for side in ("input", "target")}
    assert shapes == {(124, 144, 3)}
