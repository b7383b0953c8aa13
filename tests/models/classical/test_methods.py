"""What every classical method keeps, run over the table of methods, and what single ones promise."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.quantity import quantities
from napari_restoration.models.any_model import load_model
from napari_restoration.models.card import ModelCard
from napari_restoration.models.classical.catalogue import (
    ENTRIES,
    METHODS,
    classical_cards,
    default_values,
    method_with,
    parameters_of,
    shown_parameters,
)
from napari_restoration.models.classical.inverse import l0_gradient
from napari_restoration.models.classical.kernels import gaussian, width_px
from napari_restoration.models.classical.model import ClassicalModel

every_method = pytest.mark.parametrize("name", list(METHODS))
CARDS = {card.id: card for card in classical_cards()}


def batch_for(model: ClassicalModel, *sides: int, count: int = 1) -> np.ndarray:
    frames = () if model.card.frames is None else (3,)
    return np.random.default_rng(0).random((count, *frames, 1, *sides), dtype=np.float32)


@every_method
@pytest.mark.parametrize("sides", [(1, 1), (1, 37), (13, 2), (31, 45)])
def test_any_size_comes_back_at_the_methods_scale(name: str, sides: tuple[int, int]) -> None:
    model = load_model(name)
    given = batch_for(model, *sides, count=2)
    before = given.copy()
    out = model.predict(given)
    assert out.shape == (2, 1, sides[0] * model.card.scale, sides[1] * model.card.scale)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert np.isfinite(out).all()
    assert np.array_equal(given, before)


@every_method
def test_the_same_image_gives_the_same_result_alone_and_in_a_batch(name: str) -> None:
    model = load_model(name)
    images = batch_for(model, 40, 33, count=2)
    out = model.predict(images)
    assert np.array_equal(out, model.predict(images))
    assert np.array_equal(out[1:], model.predict(images[1:]))


@every_method
def test_a_constant_stays_constant(name: str) -> None:
    model = load_model(name)
    out = model.predict(np.full_like(batch_for(model, 40, 40), 0.5))
    np.testing.assert_allclose(out, 0.5, atol=1e-4)


@every_method
def test_a_tile_with_its_halo_equals_the_whole_plane(name: str) -> None:
    model = load_model(name)
    if model.card.whole_image:
        pytest.skip("is run on whole planes")
    halo, scale, core = model.card.halo, model.card.scale, 24
    start = halo + 40
    image = batch_for(model, start + core + halo + 40, start + core + halo + 30)
    window = slice(start - halo, start + core + halo)
    tile = model.predict(np.ascontiguousarray(image[..., window, window]))
    kept, inside = slice(start * scale, (start + core) * scale), slice(halo * scale, (halo + core) * scale)
    difference = np.abs(tile[..., inside, inside] - model.predict(image)[..., kept, kept]).max()
    assert difference <= (model.card.seam_error or 1e-5)


@pytest.mark.parametrize(
    ("psf", "kernel", "iterations", "variation"),
    [
        ("gaussian", gaussian(0.7), 3, 0.0),
        ("gaussian", gaussian(2.5), 20, 0.0),
        ("gaussian", gaussian(1.5), 100, 0.01),
        ("line", np.ones((1, 15)), 30, 0.002),
    ],
)
def test_the_halo_of_richardson_lucy_follows_blur_and_iterations(
    psf: str, kernel: np.ndarray, iterations: int, variation: float
) -> None:
    entry = METHODS["classical-richardson-lucy-burst"]
    method = entry.method(psf=psf, iterations=iterations, variation=variation)
    kernel = kernel / kernel.sum()
    halo, field, seam = method.reach(width_px(kernel), max(kernel.shape) // 2)
    rng, core = np.random.default_rng(1), 20
    smooth = ndimage.gaussian_filter(rng.standard_normal((2 * halo + core + 60,) * 2), 3)
    image = np.maximum(0.3 + smooth / smooth.std() * 0.15, 0) + 0.05 * rng.standard_normal(smooth.shape)
    image[::17, ::13] += 1
    image = ndimage.convolve(image, kernel, mode="mirror").astype(np.float32)
    inside, window = slice(30 + halo, 30 + halo + core), slice(30, 30 + 2 * halo + core)
    whole = method(image, kernel)[inside, inside]
    tile = method(image[window, window], kernel)[halo : halo + core, halo : halo + core]
    assert halo <= field
    assert np.abs(tile - whole).max() <= (seam or 1e-5)


def test_richardson_lucy_is_never_negative_and_keeps_the_light() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((96, 96))
    truth[20:70, 30:34] = 1.0
    truth[60:64, 10:80] = 0.7
    blurred = ndimage.gaussian_filter(truth, 1.5, mode="mirror")
    noisy = (rng.poisson(300 * blurred) / 300 + 0.01 * rng.standard_normal(truth.shape)).astype(np.float32)
    for variation in (0.0, 0.002):
        method = METHODS["classical-richardson-lucy"].method(variation=variation)
        restored = method(noisy, gaussian(1.5))
        assert restored.min() >= 0
        # What was lifted to the dark level adds a little light, and total variation moves some.
        assert restored.sum() == pytest.approx(np.maximum(noisy, 0).sum(), rel=0.01)
        assert np.mean((restored - truth) ** 2) < 0.8 * np.mean((noisy - truth) ** 2)


def test_total_variation_calms_the_noise_of_richardson_lucy() -> None:
    rng = np.random.default_rng(0)
    flat = np.maximum(0.5 + 0.05 * rng.standard_normal((64, 64)), 0).astype(np.float32)
    plain, calmed = (
        METHODS["classical-richardson-lucy"]
        .method(iterations=50, variation=weight)(flat, gaussian(1.5))
        .std()
        for weight in (0.0, 0.01)
    )
    assert calmed < 0.7 * plain


def test_l0_keeps_an_edge_and_removes_ripples() -> None:
    edge = np.zeros((40, 64), np.float32)
    edge[:, 32:] = 1
    rippled = edge + 0.02 * np.sin(np.arange(64) * 1.3).astype(np.float32)
    restored = l0_gradient(rippled, np.ones((1, 1)), 4e-3)
    assert np.ptp(restored[:, 2:30]) < 0.01 < np.ptp(rippled[:, 2:30])
    assert restored[20, 33] - restored[20, 31] > 0.95


def test_the_gaussian_kernel_has_the_width_it_is_asked_for() -> None:
    for sigma in (0.8, 1.5, 4.0):
        assert width_px(gaussian(sigma)) == pytest.approx(sigma, rel=0.01)
        assert gaussian(sigma).sum() == pytest.approx(1, abs=1e-5)
    assert gaussian(0.0).shape == (1, 1)


@every_method
def test_every_parameter_is_explained_and_its_default_allowed(name: str) -> None:
    card = CARDS[name]
    assert set(default_values(card)) == set(parameters_of(card)) == set(quantities(METHODS[name].method))
    for parameter, meaning in parameters_of(card).items():
        assert meaning.help
        assert meaning.label
        meaning.check(default_values(card)[parameter])
    assert set(shown_parameters(card, default_values(card))) <= set(parameters_of(card))


def test_the_kind_of_blur_decides_which_parameters_are_shown() -> None:
    card = CARDS["classical-richardson-lucy"]
    assert "sigma_px" in shown_parameters(card, {"psf": "gaussian"})
    assert "na" not in shown_parameters(card, {"psf": "gaussian"})
    assert "sigma_px" not in shown_parameters(card, {"psf": "microscope"})
    assert "na" in shown_parameters(card, {"psf": "microscope"})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"iterations": 0}, "between 1 and 500"),
        ({"iterations": 2.5}, "whole number"),
        ({"sigma_px": float("nan")}, "Width of the blur"),
        ({"sigma_px": "wide"}, "must be a number"),
        ({"psf": "box"}, "'gaussian', 'microscope'"),
        ({"sigma": 2.0}, "did you mean 'sigma_px'"),
        ({"wavelength_um": 520.0}, "Nanometres"),
    ],
)
def test_a_bad_parameter_is_refused_in_words(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        method_with(CARDS["classical-richardson-lucy"], parameters)


def test_numbers_are_taken_as_their_own_kind() -> None:
    method = method_with(CARDS["classical-richardson-lucy"], {"iterations": 30.0, "sigma_px": 2})
    assert method is not None
    assert repr(method.values()["iterations"]) == "30"
    assert repr(method.values()["sigma_px"]) == "2.0"


def test_a_network_has_no_parameters() -> None:
    values = {**CARDS["classical-median"].to_dict(), "arch": "care", "id": "mine"}
    card = ModelCard.from_dict(values)
    assert parameters_of(card) == default_values(card) == {}
    assert method_with(card, {}) is None
    with pytest.raises(InputError, match="mine has no parameters"):
        method_with(card, {"radius_px": 2})


def test_only_a_classical_method_is_normalised_by_the_noise() -> None:
    values = CARDS["classical-total-variation"].to_dict()
    assert ModelCard.from_dict(values).normalizer == "noise"
    with pytest.raises(ModelError, match="normalizer"):
        ModelCard.from_dict({**values, "arch": "care"})


def test_a_blur_that_the_parameters_do_not_describe_has_to_be_given() -> None:
    method = method_with(CARDS["classical-richardson-lucy"], {"psf": "microscope"})
    with pytest.raises(InputError, match="kernel"):
        ClassicalModel("classical-richardson-lucy", method)


def test_batches_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match="takes arrays of shape"):
        load_model("classical-median").predict(np.zeros((1, 2, 8, 8), np.float32))
    with pytest.raises(InputError, match="at most 8 frames"):
        load_model("classical-frame-mean").predict(np.zeros((1, 9, 1, 8, 8), np.float32))


def test_ids_are_unique_and_tasks_are_served() -> None:
    assert len(METHODS) == len(ENTRIES)
    assert {entry.task for entry in ENTRIES} == {"deblur", "refocus", "superres", "denoise"}


def test_they_run_without_torch() -> None:
    code = (
        "import sys, numpy as np, napari_restoration as nr\n"
        "from napari_restoration.models.classical.catalogue import METHODS\n"
        "image = np.random.default_rng(0).random((32, 32), dtype=np.float32)\n"
        "for name in METHODS: nr.restore(image, name, axes='YX')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
