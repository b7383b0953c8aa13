"""Each fault is found on images that have it, and told with its number."""

import json

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.tasks.diagnose import diagnose


def discs(size=256, seed=0):
    """Discs with sharp edges, 0 to 1, of different sizes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    image = np.zeros((size, size))
    for _ in range(size // 4):
        middle, radius = rng.uniform(0, size, 2), rng.uniform(3, 12)
        image = np.maximum(image, rng.uniform(0.4, 1) * (np.hypot(y - middle[0], x - middle[1]) < radius))
    return ndimage.gaussian_filter(image, 0.7)


def camera(expected, peak=3000.0, seed=1):
    """Grey levels of a camera with an offset of 100 and 1.5 electrons of read noise."""
    rng = np.random.default_rng(seed)
    electrons = rng.poisson(peak * (np.maximum(expected, 0) + 0.03))
    return (
        np.rint(100 + electrons + 1.5 * rng.standard_normal(expected.shape)).clip(0, 65535).astype(np.uint16)
    )


def found_in(data, axes="YX", pixel_um=None, **settings):
    sizes = {} if pixel_um is None else {"Y": pixel_um, "X": pixel_um}
    return diagnose(CalibratedImage(data, axes, pixel_size_um=sizes, name="cells"), **settings)


def finding(diagnosis, kind):
    return next(one for one in diagnosis.findings if one.kind == kind)


def test_a_sharp_and_clean_image_is_good_and_needs_nothing():
    found = found_in(camera(discs()))
    assert found.main == "good"
    assert (found.task, found.model) == (None, None)
    assert {one.severity for one in found.findings} == {"good"}
    assert found.advice == "Nothing was found that needs restoring."


def test_noise_is_told_as_how_far_structures_stand_out_of_it():
    found = found_in(camera(discs(), peak=15))
    assert found.main == "noise"
    assert found.task == "denoise"
    noise = finding(found, "noise")
    assert noise.value < 12
    assert f"{noise.value:.1f} times above the noise" in noise.words


def test_dark_structures_on_a_bright_ground_are_no_noise():
    assert found_in(camera(1 - discs(), peak=5000)).main == "good"


def test_blur_is_told_in_pixels_and_micrometres():
    found = found_in(camera(ndimage.gaussian_filter(discs(), 4.0), peak=1000), pixel_um=0.1)
    assert (found.main, found.task) == ("blur", "refocus")
    blur = finding(found, "blur")
    assert blur.value == pytest.approx(4.0, rel=0.25)
    assert blur.unit == "px"
    assert blur.value_um == pytest.approx(0.1 * blur.value)
    assert f"{blur.value:.1f} px ({blur.value_um:.3g} um)" in blur.words


def test_with_the_optics_blur_is_held_against_the_lens():
    soft = camera(ndimage.gaussian_filter(discs(), 2.5), peak=2000)
    # 0.21 * 0.52 um / 0.4 = 0.27 um: what the lens can do is 2.7 px here, and 0.68 px at the second size.
    fits = found_in(soft, pixel_um=0.1, na=0.4, wavelength_um=0.52)
    assert fits.main == "good"
    assert "as sharp as the lens can do" in finding(fits, "blur").words
    blurred = found_in(soft, pixel_um=0.4, na=0.4, wavelength_um=0.52)
    assert blurred.main == "blur"
    assert "times what the lens can do" in finding(blurred, "blur").words


def test_motion_is_told_with_its_length_and_direction():
    moved = ndimage.convolve1d(discs(), np.full(13, 1 / 13), axis=0)
    image = CalibratedImage(camera(moved, peak=800), "YX", pixel_size_um={"Y": 0.2, "X": 0.1})
    found = diagnose(image)
    assert (found.main, found.task) == ("motion", "deblur")
    motion = finding(found, "motion")
    assert motion.value == pytest.approx(13, abs=1)
    assert motion.value_um == pytest.approx(0.2 * motion.value, rel=0.01)
    assert f"{motion.value:.1f} px ({motion.value_um:.3g} um) at 90 degrees" in motion.words
    assert "A burst of several frames" in found.advice


def test_saturation_is_told_as_a_share():
    full = np.minimum(camera(discs(), peak=3000), 1600)
    share = np.mean(full == 1600)
    found = found_in(full)
    assert found.main == "saturated"
    assert finding(found, "saturated").value == pytest.approx(share)
    assert f"{100 * share:.2g} % of the pixels are saturated at 1600" in found.words
    assert "less light" in found.advice


def test_cut_darkness_is_a_note():
    found = found_in(np.maximum(camera(discs()), 200).astype(np.uint16))
    assert finding(found, "dark_clipped").severity == "note"
    assert "darkest level, 200" in found.words
    assert found.main == "good"


def test_a_plane_of_noise_is_empty_and_one_of_one_value_constant():
    empty = found_in(camera(np.zeros((128, 128)), peak=100))
    assert empty.main == "empty"
    assert finding(empty, "empty").unit == "grey levels"
    constant = found_in(np.full((64, 64), 12, np.uint8))
    assert constant.main == "constant"
    assert finding(constant, "constant").words == "Every pixel has the same value, 12."
    assert (empty.task, constant.task) == (None, None)


def test_points_finer_than_the_pixels_are_undersampled():
    rng = np.random.default_rng(3)
    points = np.zeros((256, 256))
    points[rng.integers(0, 256, 300), rng.integers(0, 256, 300)] = rng.uniform(0.3, 1, 300)
    found = found_in(camera(ndimage.gaussian_filter(points, 0.35), peak=3000))
    assert found.main == "undersampled"
    assert f"{100 * finding(found, 'undersampled').value:.2g} %" in found.words
    assert "smaller pixels" in found.advice


def test_smoothed_noise_is_noted_and_makes_sharpness_doubtful():
    smoothed = ndimage.gaussian_filter(camera(discs(), peak=200).astype(np.float32), 0.7)
    found = found_in(smoothed)
    processed = finding(found, "processed")
    assert processed.value > 0.3
    assert f"({processed.value:+.2f})" in processed.words
    assert finding(found, "blur").severity != "good"
    assert "by eye" in found.advice


def test_missing_pixels_are_counted_and_do_not_matter_otherwise():
    data = camera(discs()).astype(np.float32)
    data[:3, :5] = np.nan
    found = found_in(data)
    assert finding(found, "missing").value == 15
    assert found.main == "good"


@pytest.mark.parametrize("count", [1, 8])
def test_hot_pixels_are_counted_and_do_not_matter_otherwise(count):
    plane = camera(discs(), peak=300)
    expected = found_in(plane)
    hot = plane.copy()
    hot[:: 256 // count, 100][:count] = 65535
    found = found_in(hot)
    assert finding(found, "hot").value == count
    assert found.main == expected.main
    assert finding(found, "noise").value == pytest.approx(finding(expected, "noise").value, rel=0.05)
    assert "hot" not in {one.kind for one in expected.findings}


def test_points_of_one_pixel_are_no_hot_pixels_where_they_are_the_sample():
    rng = np.random.default_rng(3)
    points = np.zeros((256, 256))
    points[rng.integers(0, 256, 300), rng.integers(0, 256, 300)] = 1
    assert "hot" not in {one.kind for one in found_in(camera(points)).findings}


def test_shares_and_widths_have_no_digits_beyond_their_meaning():
    y, x = np.mgrid[:256, :256]
    noiseless = (
        100 + 1000 * np.exp(-((x - 90) ** 2 + (y - 140) ** 2) / 800) + 500 * (np.hypot(x - 180, y - 80) < 30)
    )
    assert "a blur of less than 0.1 px." in found_in(noiseless.astype(np.uint16), pixel_um=0.3).words
    full = np.full((64, 64), 255, np.uint8)
    full[30, 30:33] = (20, 90, 200)
    assert "100 % of the pixels are saturated at 255" in found_in(full).words


def test_the_position_is_looked_at_and_the_middle_by_default():
    stack = np.stack([np.full((2, 64, 64), 5), np.full((2, 64, 64), 6), np.full((2, 64, 64), 7)])
    stack[:, 1] += 10
    middle = found_in(stack, "ZCYX")
    assert middle.position == {"Z": 1, "C": 0}
    assert "value, 6." in middle.words
    assert "value, 17." in found_in(stack, "ZCYX", at={"Z": 2, "C": 1}).words


def test_axes_in_any_order_give_the_same_diagnosis():
    data = camera(ndimage.convolve1d(discs(), np.full(13, 1 / 13), axis=0), peak=800)
    turned = found_in(np.stack([data.T] * 3, axis=-1), "XYT")
    assert finding(turned, "motion") == finding(found_in(data), "motion")


def test_a_diagnosis_survives_json():
    found = found_in(camera(discs(), peak=15), pixel_um=0.1)
    told = json.loads(json.dumps(found.to_dict()))
    assert told == found.to_dict()
    assert told["main"] == "noise"
    assert told["model"] == found.model
    assert [one["kind"] for one in told["findings"]] == [one.kind for one in found.findings]


@pytest.mark.parametrize(
    ("data", "axes", "settings", "says"),
    [
        (np.zeros((64, 64, 3), np.uint8), "YXS", {}, "in colour"),
        (np.zeros((16, 64), np.uint8), "YX", {}, "at least 32"),
        (np.full((64, 64), np.nan), "YX", {}, "no finite pixel"),
        (np.full((64, 64), 2**60), "YX", {}, r"beyond 2\*\*53"),
        (np.zeros((4, 64, 64)), "ZYX", {"at": {"Z": 4}}, "it has 4 planes"),
        (np.zeros((4, 64, 64)), "ZYX", {"at": {"T": 0}}, "no position T=0"),
        (np.zeros((64, 64)), "YX", {"na": 2.5, "wavelength_um": 0.5, "pixel_um": 0.1}, "NA 2.5"),
        (
            np.zeros((64, 64)),
            "YX",
            {"na": 1.2, "wavelength_um": 520.0, "pixel_um": 0.1},
            "520 nm are 0.52 um",
        ),
        (np.zeros((64, 64)), "YX", {"na": 1.2, "pixel_um": 0.1}, "give both"),
        (np.zeros((64, 64)), "YX", {"na": 1.2, "wavelength_um": 0.5}, "no pixel size"),
    ],
)
def test_what_cannot_be_diagnosed_is_refused_in_one_sentence(data, axes, settings, says):
    with pytest.raises(InputError, match=says) as error:
        found_in(data, axes, **settings)
    assert "\n" not in str(error.value)
