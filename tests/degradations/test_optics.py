import numpy as np
import pytest

from napari_restoration.degradations.optics import GaussianBlur, OpticalBlur


@pytest.mark.parametrize("model", ["gaussian", "airy", "debye", "disc"])
def test_a_point_keeps_its_light(model):
    image = np.zeros((101, 101))
    image[50, 50] = 1000.0
    blurred = OpticalBlur(model=model, na=0.75, pixel_size_um=0.2, boundary="circular").expectation(image)
    assert blurred.sum() == pytest.approx(1000.0, rel=1e-9)
    assert blurred.max() < 1000.0


@pytest.mark.parametrize("model", ["gaussian", "debye", "disc"])
def test_defocus_lowers_the_peak(model):
    peaks = [OpticalBlur(model=model, defocus_um=z).kernel().max() for z in (0.0, 2.0, 4.0, 8.0)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] > 5 * peaks[-1]


def test_the_gaussian_stand_in_is_as_wide_as_the_disc():
    widths = []
    for model in ("gaussian", "disc"):
        kernel = OpticalBlur(model=model, defocus_um=10.0, integrate=False).kernel()
        at = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
        widths.append(kernel.sum(axis=0) @ at**2)
    assert widths[0] == pytest.approx(widths[1], rel=0.03)


def test_no_blur_leaves_the_image_alone():
    image = np.random.default_rng(0).random((9, 9))
    assert GaussianBlur(sigma_px=0.0).expectation(image) is image


def test_an_unknown_psf_is_refused():
    with pytest.raises(ValueError, match="'gaussian', 'airy', 'debye' or 'disc'"):
        OpticalBlur(model="bessel")


def test_a_defocused_airy_pattern_is_refused():
    with pytest.raises(ValueError, match="in focus"):
        OpticalBlur(model="airy", defocus_um=1.0)
