"""Classical methods in the engine: better than the input, tiles as the whole, parameters in the record."""

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.metrics import psnr
from napari_restoration.core.progress import run
from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.motion import motion_kernel
from napari_restoration.degradations.optics import OpticalBlur
from napari_restoration.degradations.paths import linear_path
from napari_restoration.models.classical.catalogue import METHODS
from napari_restoration.models.classical.kernels import gaussian
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.settings import RestoreSettings

OPTICS = {"na": 0.75, "index": 1.0, "wavelength_um": 0.52, "defocus_um": 1.5}
PIXEL = {"Y": 0.2, "X": 0.2}


def drawn(side=160):
    """Lines, discs and a smooth background, 0 to about 1000 above a dark level of 100."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:side, :side]
    image = 80 * (1 + np.sin(x / 23) * np.cos(y / 31))
    for _ in range(14):
        cy, cx, radius, light = (
            rng.uniform(0, side),
            rng.uniform(0, side),
            rng.uniform(2, 12),
            rng.uniform(200, 800),
        )
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] += light
    for _ in range(6):
        angle, at = rng.uniform(0, np.pi), rng.uniform(0, side)
        image[np.abs(np.sin(angle) * x + np.cos(angle) * (y - at)) < 1.2] += 500
    return (ndimage.gaussian_filter(image, 0.6) + 100).astype(np.float32)


def counted(image, electrons=0.5, read=4.0, seed=0):
    rng = np.random.default_rng(seed)
    light = rng.poisson(np.maximum(image - 100, 0) * electrons) / electrons
    return (light + 100 + rng.normal(0, read, image.shape)).astype(np.float32)


def degraded(task, truth, blur=None):
    """A bad image of a task's kind, its axes, and the plane that it is compared by."""
    if task == "denoise":
        bad = counted(truth, 0.05, 10)
        return bad, "YX", bad
    if task == "superres":
        bad = counted(truth.reshape(80, 2, 80, 2).mean((1, 3)))
        return bad, "YX", bad.repeat(2, 0).repeat(2, 1)
    blurred = convolve(truth, blur)
    if task == "refocus":
        bad = counted(blurred)
        return bad, "YX", bad
    burst = np.stack([counted(blurred, seed=seed) for seed in range(5)])
    return burst, "TYX", burst[2]


GAUSSIAN = gaussian(1.5)


@pytest.mark.parametrize("name", list(METHODS))
def test_each_method_brings_a_bad_image_of_its_kind_closer_to_the_truth(name):
    truth = drawn()
    bad, axes, compared = degraded(METHODS[name].task, truth, GAUSSIAN)
    result = restore(CalibratedImage(bad, axes, pixel_size_um=PIXEL), name)
    restored = np.asarray(result.image.data)
    span = float(np.ptp(truth))
    assert restored.shape == truth.shape
    assert psnr(restored, truth, data_range=span) > psnr(compared, truth, data_range=span) + 0.2


@pytest.mark.parametrize(
    ("name", "gain"), [("classical-richardson-lucy", 1.0), ("classical-l0", 0.2), ("classical-wiener", 1.0)]
)
def test_the_blur_of_a_microscope_is_undone_by_its_optics(name, gain):
    truth = drawn()
    blur = OpticalBlur(**OPTICS, pixel_size_um=0.2, integrate=False).kernel()
    bad, axes, _ = degraded("refocus", truth, blur)
    image = CalibratedImage(bad, axes, pixel_size_um=PIXEL)
    right, wrong = (
        psnr(np.asarray(restore(image, name, parameters=chosen).image.data), truth, data_range=900.0)
        for chosen in ({"psf": "microscope", **OPTICS}, {"psf": "gaussian", "sigma_px": 0.5})
    )
    assert right > wrong + gain
    assert right > psnr(bad, truth, data_range=900.0) + gain


def test_a_straight_motion_is_undone_along_its_direction():
    truth = drawn()
    blur = motion_kernel(linear_path(9.0, np.pi / 2))
    burst, axes, _ = degraded("deblur", truth, blur)
    image = CalibratedImage(burst, axes)
    along, across = (
        restore(
            image,
            "classical-richardson-lucy-burst",
            parameters={"psf": "line", "length_px": 9.0, "angle_rad": angle},
        )
        for angle in (np.pi / 2, 0.0)
    )
    scores = [psnr(np.asarray(one.image.data), truth, data_range=900.0) for one in (along, across)]
    assert scores[0] > psnr(burst.mean(0), truth, data_range=900.0) + 2
    assert scores[0] > scores[1] + 2


@pytest.mark.parametrize("name", list(METHODS))
def test_tiles_give_the_whole_image_within_the_cards_tolerance(name):
    bad, axes, _ = degraded(METHODS[name].task, drawn(), GAUSSIAN)
    image = CalibratedImage(bad, axes)
    whole, tiled = (restore(image, name, tile=tile, register=False) for tile in (None, 48))
    restoration = run(prepare(image, name, RestoreSettings(register=False)))
    one = restoration.restorer.percentiles[()][0]
    difference = np.abs(np.asarray(whole.image.data) - tiled.image.data).max() / (one.high - one.low)
    if restoration.card.whole_image:
        assert whole.report["tiles"] == 1
        assert whole.notices == ()
        assert any("by the whole image" in notice for notice in tiled.notices)
    else:
        assert tiled.report["tiles"] >= 4
        assert difference <= (restoration.card.seam_error or 1e-5)


@pytest.mark.parametrize("name", ["classical-richardson-lucy", "classical-l0", "classical-non-local-means"])
def test_a_preview_equals_that_part_of_the_result(name):
    bad, axes, _ = degraded(METHODS[name].task, drawn(), GAUSSIAN)
    restoration = run(prepare(CalibratedImage(bad, axes), name, RestoreSettings()))
    preview = run(restoration.iter_preview({}, (slice(30, 70), slice(50, 80))))
    whole = run(restoration.iter_run()).image.data
    np.testing.assert_array_equal(preview.values, whole[30:70, 50:80])


@pytest.mark.parametrize(
    "name", ["classical-richardson-lucy", "classical-wiener", "classical-total-variation"]
)
def test_missing_pixels_stay_missing_and_spoil_nothing_else(name):
    bad, axes, _ = degraded(METHODS[name].task, drawn(), GAUSSIAN)
    bad[40:43, 50:52] = np.nan
    result = restore(CalibratedImage(bad, axes), name)
    assert np.array_equal(np.isnan(result.image.data), np.isnan(bad))


def test_a_constant_image_stays_as_it_is():
    for name in METHODS:
        shape = (5, 32, 32) if METHODS[name].task == "deblur" else (32, 32)
        result = restore(CalibratedImage(np.full(shape, 7, np.uint16), "TYX"[-len(shape) :]), name)
        np.testing.assert_array_equal(result.image.data, 7)


def test_the_record_has_every_parameter_and_the_intensities_that_were_used():
    bad, axes, _ = degraded("refocus", drawn(), GAUSSIAN)
    image = CalibratedImage(bad, axes)
    result = restore(image, "classical-richardson-lucy", parameters={"iterations": 7, "dark_level": 95})
    record = result.provenance.to_dict()
    assert record["model"]["arch"] == "classical"
    parameters = record["settings"]["parameters"]
    assert (parameters["iterations"], parameters["dark_level"]) == (7, 95.0)
    assert parameters["sigma_px"] == 1.5
    assert record["normalization"][0]["low"] == 95
    again = restore(image, "classical-richardson-lucy", parameters=parameters)
    np.testing.assert_array_equal(result.image.data, again.image.data)
    assert result.image.data.min() >= 95


def test_the_noise_is_measured_once_for_the_image_or_given():
    bad, axes, _ = degraded("denoise", drawn(), None)
    image = CalibratedImage(np.stack([bad, bad + 1]), "TYX")
    measured = restore(image, "classical-non-local-means").provenance.to_dict()["normalization"]
    assert len(measured) == 1
    noise = measured[0]["high"] - measured[0]["low"]
    # Shot noise of up to 130 grey levels in the bright parts, read noise of 10 in the dark ones.
    assert 30 < noise < 90
    huge = restore(image.replace(data=image.data * np.float32(1e30)), "classical-non-local-means")
    large = huge.provenance.to_dict()["normalization"][0]
    assert large["high"] - large["low"] == pytest.approx(1e30 * noise, rel=1e-3)
    given = restore(image, "classical-non-local-means", parameters={"noise": 25.0}).provenance.to_dict()
    assert given["normalization"][0]["high"] - given["normalization"][0]["low"] == pytest.approx(25)
    assert axes == "YX"


def test_what_cannot_be_known_is_asked_for():
    image = CalibratedImage(drawn(64), "YX", name="cell")
    with pytest.raises(InputError, match="'cell' has no pixel size"):
        restore(image, "classical-wiener", parameters={"psf": "microscope"})
    restore(image, "classical-wiener", parameters={"psf": "microscope", "pixel_size_um": 0.2})
    oblong = image.replace(pixel_size_um={"Y": 0.2, "X": 0.1})
    with pytest.raises(InputError, match="not square"):
        restore(oblong, "classical-wiener", parameters={"psf": "microscope"})
    with pytest.raises(InputError, match="give it as the parameter noise"):
        restore(image.replace(data=drawn(64)[:10, :10]), "classical-total-variation")
    with pytest.raises(InputError, match="dark level is 5000"):
        restore(image, "classical-richardson-lucy", parameters={"dark_level": 5000})


def test_parameters_are_refused_where_they_do_not_belong(known_model):
    image = CalibratedImage(drawn(64), "YX")
    with pytest.raises(InputError, match="has no parameters"):
        restore(image, known_model(), parameters={"iterations": 3})
    with pytest.raises(InputError, match="has no parameter 'iterations'"):
        restore(image, "classical-median", parameters={"iterations": 3})
    with pytest.raises(InputError, match="give a mapping"):
        RestoreSettings(parameters=[3])


def test_a_device_that_is_not_used_is_told_of():
    result = restore(CalibratedImage(drawn(64), "YX"), "classical-median", device="cuda")
    assert result.report["device"] == "cpu"
    assert any("ran on the CPU" in notice for notice in result.notices)


def test_colours_and_channels_are_restored_one_by_one():
    truth = drawn(64)
    channels = np.stack([counted(truth, seed=1), 10 * counted(truth, seed=2)])
    both = restore(CalibratedImage(channels, "CYX"), "classical-total-variation").image.data
    alone = restore(CalibratedImage(channels[1], "YX"), "classical-total-variation").image.data
    np.testing.assert_allclose(both[1], alone, rtol=1e-6)
