"""Matching a preset to bad images whose degradation is known."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.degradations.estimates.blur import estimate_blur_between
from napari_restoration.degradations.presets import Preset
from napari_restoration.degradations.step_choice import StepChoice
from napari_restoration.degradations.steps import step_from_dict
from napari_restoration.tasks.degrade import DegradeSettings, degrade
from napari_restoration.tasks.likeness import compare_likeness
from napari_restoration.tasks.match import MatchSettings, iter_match
from napari_restoration.tasks.presets import find_preset

CAMERA = {
    "kind": "camera",
    "gain_electrons_per_adu": 0.5,
    "offset_adu": 100.0,
    "read_noise_electrons": 2.0,
    "bits": 12,
}


def specimen(seed=0, side=256, pixel_um=0.1):
    """Cells with edges and granules, without noise."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side))
    image = np.full((side, side), 0.02)
    for _ in range(side // 5):
        at, radius, level = rng.uniform(0, side, 2), rng.uniform(2, 14), rng.uniform(0.3, 1.0)
        image[(y - at[0]) ** 2 + (x - at[1]) ** 2 < radius**2] += level
    image = ndimage.gaussian_filter(image, 0.6)
    sizes = {} if pixel_um is None else {"Y": pixel_um, "X": pixel_um}
    return CalibratedImage((1000 * image).astype(np.float32), "YX", name="good", pixel_size_um=sizes)


def preset_of(*steps, title="Truth"):
    entries = [{"kind": "to_photons", "peak_photons": 400.0, "low_value": None, "high_value": None}, *steps]
    return Preset(
        id="truth", title=title, steps=tuple(StepChoice(step=step_from_dict(entry)) for entry in entries)
    )


def spoiled(good, *steps, seed=5):
    made = degrade(good, preset_of(*steps), DegradeSettings(seed=seed)).image
    return made.replace(name="bad")


def match(bad, good, preset, **settings):
    return run(iter_match(bad, good, preset, MatchSettings(**settings)))


def step(preset, kind):
    return next(one.step for one in preset.steps if one.step.kind == kind and one.enabled)


def kinds_on(preset):
    return [one.step.kind for one in preset.steps if one.enabled]


def values(found):
    return {one.name: one.value for one in found.estimates}


def test_camera_light_and_blur_of_a_known_degradation_are_filled_in():
    good = specimen()
    bad = spoiled(
        good,
        {"kind": "exposure", "background_photons": 20.0},
        {"kind": "gaussian_blur", "sigma_px": 1.8},
        CAMERA,
    )
    found = match(bad, good, find_preset("semi-synthetic"), offset_adu=100.0)
    camera = step(found.preset, "camera")
    assert camera.offset_adu == 100.0
    assert camera.gain_electrons_per_adu == pytest.approx(0.5, rel=0.1)
    assert camera.read_noise_electrons < 4.0
    assert (camera.bits, camera.shot_noise, camera.averaged) == (16, True, 1)
    assert step(found.preset, "to_photons").peak_photons == pytest.approx(400.0, rel=0.1)
    assert step(found.preset, "exposure").background_photons == pytest.approx(20.0, abs=6.0)
    blur = step(found.preset, "optical_blur")
    assert (blur.model, blur.defocus_um > 0) == ("gaussian", True)
    assert values(found)["blur"] == pytest.approx(1.8, abs=0.3)
    assert "gaussian_noise" not in kinds_on(found.preset)
    assert found.preset.order == "light_path"
    assert found.preset.levels == {}
    assert all(
        one.is_reliable for one in found.estimates if one.name in ("offset", "gain", "photons", "blur")
    )
    assert found.words == ""


def test_a_matched_preset_makes_images_far_more_like_the_real_one_than_the_unmatched_preset():
    good = specimen()
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 2.8}, CAMERA)
    other, preset = specimen(seed=1), find_preset("widefield-20x")
    found = match(bad, other, preset)
    unmatched = np.asarray(degrade(other, preset).image.data)
    assert found.comparison.distance < 0.3 * compare_likeness(bad.data, unmatched).distance
    assert found.comparison.distance < 2 * found.comparison.yardstick
    assert found.comparison.synthetic.dtype == np.uint16


def test_without_a_pixel_size_the_blur_is_a_gaussian_in_pixels():
    good = specimen(pixel_um=None)
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 2.5}, CAMERA)
    found = match(bad, good, find_preset("widefield-20x"))
    assert step(found.preset, "gaussian_blur").sigma_px == pytest.approx(2.5, abs=0.4)
    assert "optical_blur" not in kinds_on(found.preset)
    assert "pixel size is not known" in found.words


@pytest.mark.parametrize("defocus_um", [1.2, 2.0])
def test_the_defocus_of_the_objective_is_found_with_a_good_image_of_another_field(defocus_um):
    objective = {
        "kind": "optical_blur",
        "na": 0.6,
        "index": 1.0,
        "wavelength_um": 0.58,
        "defocus_um": defocus_um,
    }
    bad = spoiled(specimen(), objective, CAMERA)
    found = match(bad, specimen(seed=1), find_preset("widefield-20x"))
    assert step(found.preset, "optical_blur").defocus_um == pytest.approx(defocus_um, abs=0.25)
    defocus = next(one for one in found.estimates if one.name == "defocus")
    assert defocus.is_reliable
    assert defocus.low <= defocus.value <= defocus.high
    assert values(found)["defocus"] == pytest.approx(step(found.preset, "optical_blur").defocus_um, rel=1e-4)
    assert "gaussian_blur" not in kinds_on(found.preset)


@pytest.mark.parametrize("pixel_um", [0.0005, 0.005])
def test_an_objective_that_is_far_too_wide_for_the_pixels_gives_way_to_a_gaussian(pixel_um):
    good = specimen(side=128, pixel_um=pixel_um)
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 1.5}, CAMERA)
    for sharp in (good, None):
        found = match(bad, sharp, find_preset("widefield-20x"))
        assert "optical_blur" not in kinds_on(found.preset)
        assert "Switched off: Widefield blur" in found.changes
    assert step(
        match(bad, good, find_preset("widefield-20x")).preset, "gaussian_blur"
    ).sigma_px == pytest.approx(1.5, abs=0.3)


def test_without_a_good_image_the_defocus_follows_from_the_width_of_the_blur_and_is_not_called_reliable():
    bad = spoiled(specimen(), {"kind": "gaussian_blur", "sigma_px": 4.0}, CAMERA)
    found = match(bad, None, find_preset("widefield-20x"))
    assert 0.5 < step(found.preset, "optical_blur").defocus_um < 2.5
    assert not next(one for one in found.estimates if one.name == "defocus").is_reliable


def test_motion_is_filled_in_with_length_and_direction():
    good = specimen(side=320)
    moved = {"kind": "motion_blur", "path": "linear", "length_px": 9.0, "angle_rad": 0.6, "vibration_px": 0.0}
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 0.7}, moved, CAMERA)
    found = match(bad, good, find_preset("semi-synthetic"))
    motion = step(found.preset, "motion_blur")
    assert motion.path == "linear"
    assert motion.length_px == pytest.approx(9.0, abs=1.5)
    assert motion.angle_rad == pytest.approx(0.6, abs=0.15)
    assert "Motion of" in found.words


def test_a_preset_of_single_images_loses_a_motion_that_is_not_there_and_one_of_bursts_keeps_it():
    good = specimen()
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 1.2}, CAMERA)
    burst = find_preset("tem-stream")
    assert "motion_blur" in kinds_on(match(bad, good, burst).preset)
    assert "as the preset has it" in match(bad, good, burst).words
    single = burst.with_settings({"motion_blur.frames": None})
    found = match(bad, good, single)
    assert "motion_blur" not in kinds_on(found.preset)
    assert "Switched off: Motion blur" in found.changes


def test_a_good_image_of_finer_pixels_keeps_the_binning_and_one_of_equal_pixels_loses_it():
    fine = specimen(side=384, pixel_um=0.05)
    sim = find_preset("widefield-sim-x2")
    bad = spoiled(
        fine,
        {"kind": "gaussian_blur", "sigma_px": 3.0},
        {"kind": "binning", "factor": 2, "mode": "sum"},
        CAMERA,
    )
    assert bad.pixel_size_um["X"] == pytest.approx(0.1)
    found = match(bad, fine, sim, offset_adu=100.0)
    assert step(found.preset, "binning").factor == 2
    assert step(found.preset, "to_photons").peak_photons == pytest.approx(400.0, rel=0.15)
    assert values(found)["blur"] == pytest.approx(1.5, abs=0.3)
    assert found.comparison.synthetic.shape == bad.shape
    assert found.comparison.histogram_distance < 0.05
    equal = match(bad, specimen(side=192, pixel_um=0.1), sim)
    assert "binning" not in kinds_on(equal.preset)
    assert "so the binning is off" in equal.words
    with pytest.raises(InputError, match=r"resample 'good' to 0.1 um, or 0.05 um as the preset bins by 2"):
        match(bad, specimen(side=192, pixel_um=0.02), sim)


def test_without_a_good_image_only_light_and_noise_are_compared_and_that_is_said():
    bad = spoiled(specimen(), {"kind": "gaussian_blur", "sigma_px": 1.5}, CAMERA)
    found = match(bad, None, find_preset("widefield-sim-x2"), offset_adu=100.0)
    assert "stands in for the object" in found.words
    assert found.comparison.distance < 0.3
    assert found.comparison.synthetic.shape == bad.shape
    assert step(found.preset, "binning").factor == 2
    assert step(found.preset, "to_photons").peak_photons == pytest.approx(
        100.0, rel=0.3
    )  # a quarter of a pixel's


def test_images_whose_noise_does_not_tell_electrons_get_noise_of_one_strength():
    good = specimen()
    flat = {
        "kind": "camera",
        "shot_noise": False,
        "read_noise_electrons": 15.0,
        "offset_adu": 50.0,
        "bits": None,
    }
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 1.5}, flat)
    found = match(bad, good, find_preset("widefield-20x"))
    camera = step(found.preset, "camera")
    assert not camera.shot_noise
    assert camera.read_noise_electrons == pytest.approx(15.0, rel=0.15)
    assert values(found)["gain"] is None
    assert not any(one.is_reliable for one in found.estimates if one.name in ("gain", "photons", "offset"))
    assert "Electrons cannot be told from grey levels" in found.words
    assert found.comparison.histogram_distance < 0.03


def test_8_bit_images_and_floats_from_0_to_1_are_matched():
    good = specimen()
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 1.5}, {**CAMERA, "gain_electrons_per_adu": 4.0, "bits": 8,
                                                                     "offset_adu": 10.0})  # fmt: skip
    eight = match(bad, good, find_preset("confocal-63x"))
    assert step(eight.preset, "camera").bits == 8
    assert eight.comparison.synthetic.dtype == np.uint8
    assert eight.comparison.histogram_distance < 0.03
    unit = bad.replace(data=(np.asarray(bad.data) / 255).astype(np.float32))
    scaled = match(unit, good, find_preset("confocal-63x"))
    assert step(scaled.preset, "camera").bits is None
    assert step(scaled.preset, "camera").gain_electrons_per_adu == pytest.approx(255 * 4.0, rel=0.2)
    assert scaled.comparison.histogram_distance < 0.03


def test_what_the_user_knows_stands_as_given():
    bad = spoiled(specimen(), {"kind": "gaussian_blur", "sigma_px": 1.5}, CAMERA)
    found = match(bad, specimen(), find_preset("widefield-20x"), offset_adu=98.0, read_noise_electrons=2.0)
    given = {one.name: one for one in found.estimates}
    assert (given["offset"].value, given["offset"].words) == (98.0, "As given.")
    assert (given["read_noise"].value, given["read_noise"].is_reliable) == (2.0, True)
    assert step(found.preset, "camera").offset_adu == 98.0
    assert step(found.preset, "camera").read_noise_electrons == 2.0


def test_another_plane_of_a_thick_specimen_does_not_count_as_blurred_because_it_differs():
    first, above, below = (np.asarray(specimen(seed=seed).data) for seed in (0, 1, 2))
    haze = 3 * ndimage.gaussian_filter(first, 2)
    good = specimen().replace(data=haze + above)
    bad = spoiled(specimen().replace(data=haze + below), {"kind": "gaussian_blur", "sigma_px": 0.8}, CAMERA)
    assert estimate_blur_between(bad.data, good.data).low_px > 1.3  # by what the two have in common
    found = match(bad, good, find_preset("widefield-20x"))
    assert values(found)["blur"] < 1.1
    assert "other planes of a thick specimen" in next(
        one.words for one in found.estimates if one.name == "blur"
    )


def test_a_noisy_good_image_is_named():
    good = specimen()
    noisy = good.replace(
        data=good.data + np.random.default_rng(1).normal(0, 60, good.shape).astype(np.float32)
    )
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 0.6}, CAMERA)
    assert "The good image is noisy itself" in match(bad, noisy, find_preset("widefield-20x")).words


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.ones((64, 64, 3), np.uint8), "axes": "YXS"}, "is in colour"),
        ({"data": np.ones((20, 64), np.uint8)}, "at least 32 a side"),
        ({"data": np.full((64, 64), np.nan, np.float32)}, "no finite pixel"),
        ({"data": np.full((64, 64), 7, np.uint8)}, "Every pixel of 'odd' is 7"),
    ],
)
@pytest.mark.parametrize("role", ["bad", "good"])
def test_what_cannot_be_measured_is_refused_in_a_sentence(changes, message, role):
    odd = CalibratedImage(changes["data"], changes.get("axes", "YX"), name="odd")
    images = {"bad": specimen(side=64), "good": specimen(side=64, seed=1), role: odd}
    with pytest.raises(InputError, match=message):
        match(images["bad"], images["good"], find_preset("widefield-20x"))


def test_grey_levels_that_no_camera_delivers_are_refused_with_the_way_out():
    bad = spoiled(specimen(side=96), {"kind": "gaussian_blur", "sigma_px": 1.5}, CAMERA)
    tiny = bad.replace(data=np.asarray(bad.data) * 1e-9)
    with pytest.raises(InputError, match="which no camera delivers: multiply the image"):
        match(tiny, None, find_preset("widefield-20x"))


def test_the_bad_image_is_no_good_one():
    bad = specimen(side=64)
    with pytest.raises(InputError, match="both the bad and the good image"):
        match(bad, bad, find_preset("widefield-20x"))


def test_missing_pixels_and_other_sizes_are_no_obstacle_and_nothing_is_changed():
    good = specimen(side=200)
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 1.5}, CAMERA)
    holes = np.asarray(bad.data)[:150].astype(np.float32)
    holes[10:12, 5:9] = np.nan
    kept = holes.copy()
    found = match(bad.replace(data=holes), good, find_preset("widefield-20x"))
    assert np.isfinite(found.comparison.distance)
    assert found.comparison.real.shape == found.comparison.synthetic.shape == (150, 200)
    np.testing.assert_array_equal(holes, kept)


def test_the_plane_in_view_is_the_one_that_is_shown():
    good = specimen(side=128)
    planes = [
        spoiled(good, {"kind": "gaussian_blur", "sigma_px": 1.0 + i}, CAMERA, seed=i).data for i in range(3)
    ]
    stack = CalibratedImage(np.stack(planes), "TYX", name="series", pixel_size_um=good.pixel_size_um)
    found = run(iter_match(stack, good, find_preset("widefield-20x"), at={"T": 2}))
    np.testing.assert_array_equal(found.comparison.real, planes[2])
    assert dataclasses.is_dataclass(found)


def test_pairs_may_stray_around_what_was_measured():
    good = specimen()
    bad = spoiled(good, {"kind": "gaussian_blur", "sigma_px": 1.8}, CAMERA)
    found = match(bad, good, find_preset("tem-stream"), offset_adu=100.0)
    for kind, name in (("to_photons", "peak_photons"), ("gaussian_blur", "sigma_px")):
        choice = next(one for one in found.preset.steps if one.enabled and one.step.kind == kind)
        drawn = choice.ranges[name]
        assert drawn.low < getattr(choice.step, name) < drawn.high
