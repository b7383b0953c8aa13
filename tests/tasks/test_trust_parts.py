"""What trust is made of: cameras and blurs, members that ought to agree, and scores held against good images."""

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.models.registry import find_card
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.presets import find_preset
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.trust import trust
from napari_restoration.tasks.trust_calibration import LEVELS, calibration_of
from napari_restoration.tasks.trust_combined import combine_evidence
from napari_restoration.tasks.trust_measurement import find_blur, find_camera, fit
from napari_restoration.tasks.trust_members import turned, turned_back, usable_views
from napari_restoration.tasks.trust_scores import PlaneEvidence
from napari_restoration.tasks.trust_settings import TrustSettings


def smooth(side=96, sigma=2.0, seed=0):
    noise = np.random.default_rng(seed).standard_normal((side, side))
    return 1000 + 300 * ndimage.gaussian_filter(noise, sigma, mode="wrap")


def test_turning_back_undoes_each_of_eight_different_views():
    plane = np.arange(12.0).reshape(1, 3, 4)
    views = [turned(plane, view) for view in range(8)]
    assert len({view.tobytes() + bytes(view.shape) for view in views}) == 8
    for number, view in enumerate(views):
        np.testing.assert_array_equal(turned_back(view, number), plane)


def test_a_model_that_does_not_mind_turning_has_no_disagreement(known_model):
    image = CalibratedImage(smooth().astype(np.float32), "YX")
    model = known_model()
    judged = trust(image, restore(image, model), model, repeat=False)
    np.testing.assert_allclose(judged.maps["disagreement of views"].data, 0, atol=1e-3)


def test_whole_image_networks_see_oblong_planes_from_four_sides_only(known_model):
    fields = {"whole_image": True, "training_size": 64, "halo": 96}
    for shape, count in (((40, 40), 8), ((40, 60), 4)):
        image = CalibratedImage(np.random.default_rng(0).random(shape), "YX")
        restoration = run(prepare(image, known_model(**fields)))
        views = usable_views(restoration.restorer, 8)
        assert len(views) == count
        assert {turned(np.zeros(shape), view).shape for view in views} <= {shape, shape[::-1]}
        assert count == 8 or all(turned(np.zeros(shape), view).shape == shape for view in views)


def test_frames_left_out_disagree_by_what_each_frame_brings(known_model):
    frames = np.stack([smooth(seed=0) + step for step in (0.0, 30.0, 90.0)]).astype(np.float32)
    stack = CalibratedImage(frames, "TYX")
    model = known_model(frames=3, task="deblur")
    restored = restore(stack, model, register=False)
    judged = trust(stack, restored, model, views=0, repeat=False)
    expected = np.std([(30 + 90) / 2, 90 / 2, 30 / 2])
    np.testing.assert_allclose(judged.maps["disagreement of frames"].data, expected, rtol=1e-4)


def test_a_laplace_scale_is_shown_in_grey_levels_and_calibrated_for_its_own_model_only(known_model):
    image = CalibratedImage(smooth().astype(np.float32), "YX")
    span = float(np.diff(np.percentile(image.data, (2, 99.8)))[0])
    shown = {}
    for name in ("known", "denoise-care"):
        model = known_model(laplace_scale=True, id=name)
        judged = trust(image, restore(image, model), model, views=0, repeat=False)
        shown[name] = float(judged.maps["laplace scale"].data.mean())
    factor = calibration_of(find_card("denoise-care")[0]).laplace_factor
    assert shown["known"] == pytest.approx(span, rel=1e-3)
    assert shown["denoise-care"] == pytest.approx(factor * span, rel=1e-3)
    assert factor != 1


def test_the_blur_is_none_for_denoising_and_else_fitted(known_model):
    image = CalibratedImage(np.zeros((8, 8)), "YX")
    assert find_blur(image, known_model().card, TrustSettings()).kernel.shape == (1, 1)
    card = known_model(task="refocus").card
    blur = find_blur(image, card, TrustSettings())
    assert blur.kernel is None
    sharp = smooth(sigma=1.0)
    way = fit(3 * ndimage.gaussian_filter(sharp, 2.0) + 7, sharp, blur, 1)
    rows = np.arange(way.kernel.shape[0]) - way.kernel.shape[0] // 2
    assert np.sqrt(way.kernel.sum(axis=1) @ rows**2) == pytest.approx(2.0, rel=0.03)
    assert (way.gain, way.offset) == (pytest.approx(3, rel=0.01), pytest.approx(7, abs=25))


def test_degrade_steps_give_blur_and_camera(known_model):
    preset = find_preset("widefield-20x")
    image = CalibratedImage(np.zeros((64, 64)), "YX", pixel_size_um={"Y": 0.3, "X": 0.3})
    settings = TrustSettings(preset=preset)
    kernel = find_blur(image, known_model(task="refocus").card, settings).kernel
    assert kernel.sum() == pytest.approx(1)
    assert kernel.size > 9
    assert kernel.shape[0] % 2 == kernel.shape[1] % 2 == 1
    camera, _ = find_camera([smooth()], settings)
    step = next(choice.step for choice in preset.steps if choice.step.kind == "camera")
    assert camera.is_given
    assert camera.gain_electrons_per_adu == step.gain_electrons_per_adu


def test_what_the_user_knows_of_the_camera_comes_first():
    noisy = np.random.default_rng(0).poisson(smooth()).astype(float)
    camera, _ = find_camera(
        [noisy], TrustSettings(gain_electrons_per_adu=2.0, read_noise_electrons=3.0, offset_adu=5.0)
    )
    assert (camera.offset_adu, camera.gain_electrons_per_adu, camera.read_noise_electrons) == (5, 2, 3)
    # The mean of four frames has half the noise.
    single, mean = (one.noise_variance_adu(noisy) for one in (camera, camera.of_mean(4)))
    assert single / mean == pytest.approx(4)


def test_a_score_becomes_the_share_of_good_pixels_beyond_it():
    calibration = calibration_of(find_card("denoise-care")[0])
    limits = calibration.scores["signed"]
    quality = calibration.quality("signed", np.asarray(limits, dtype=np.float32)[None])[0]
    np.testing.assert_allclose(quality[1:], LEVELS[1:], rtol=1e-3)
    beyond = calibration.quality("signed", np.array([[limits[-1] * 2, np.nan, -1.0]], np.float32))[0]
    assert beyond[0] < LEVELS[-1]
    assert np.isnan(beyond[1])
    assert beyond[2] == 1


def test_the_combined_map_names_the_part_that_decides_and_without_camera_takes_the_fitted_error():
    calibration = calibration_of(find_card("denoise-care")[0])
    calm = {name: np.full((4, 4), limits[0], np.float32) for name, limits in calibration.scores.items()}
    calm.pop("combined")
    calm["views"][1, 1] = calibration.scores["views"][-1] * 3
    found = combine_evidence(PlaneEvidence(scores=calm, layers={}, figures={}), calibration)
    assert found.parts[found.cause[1, 1]] == "disagreement"
    assert found.trust[1, 1] < 0.01 < found.trust[0, 0]
    blind = {name: plane for name, plane in calm.items() if name not in ("data", "signed")}
    blind["error"][2, 2] = calibration.scores["error"][-1] * 3
    found = combine_evidence(PlaneEvidence(scores=blind, layers={}, figures={}), calibration)
    assert found.parts[found.cause[2, 2]] == "data"


def test_settings_outside_their_range_are_refused():
    for wrong in (
        {"views": 9},
        {"views": True},
        {"gain_electrons_per_adu": 0.0},
        {"read_noise_electrons": -1.0},
    ):
        with pytest.raises(InputError):
            TrustSettings(**wrong)
