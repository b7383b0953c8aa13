"""The small pictures show the numbers they are given."""

import numpy as np
import pytest

from napari_restoration.gui._pictures import Pictures
from napari_restoration.tasks.model_picture import ModelPicture


@pytest.fixture
def pictures(qtbot):
    widget = Pictures()
    qtbot.addWidget(widget)
    widget.resize(320, 140)
    widget.show()
    return widget


def picture(**changes):
    y, x = np.mgrid[-4:5, -4:5]
    psf = np.exp(-(y**2 + x**2) / 8.0)
    values = {
        "psf": psf / psf.sum(), "psf_pixel_um": 0.1,
        "levels": np.array([100.0, 500.0, 1000.0]), "noise": np.array([1.0, 10.0, 20.0]),
    }  # fmt: skip
    return ModelPicture(**{**values, **changes})


def grey(widget):
    """What is drawn, ``(y, x)`` from 0 to 255."""
    image = widget.grab().toImage()
    return np.array(
        [[image.pixelColor(x, y).lightness() for x in range(image.width())] for y in range(image.height())]
    )


def test_the_spot_is_brightest_in_its_middle_by_the_square_root(pictures):
    pictures.show_picture(picture())
    image = pictures.psf.image
    assert image.pixelColor(4, 4).lightness() == 255
    assert image.pixelColor(4, 2).lightness() == pytest.approx(255 * np.exp(-0.25), abs=1)
    assert pictures.psf_words.text() == "Blur, 0.9 µm wide (9 px)"
    drawn = grey(pictures.psf)
    side = min(drawn.shape)
    assert drawn[side // 2, side // 2] > drawn[side // 2, side // 8] + 50


def test_the_curve_rises_from_the_left_to_the_right(pictures):
    def share_of_curve(columns):
        image = pictures.noise.grab().toImage()
        heights = [
            y
            for x in columns
            for y in range(image.height())
            if (colour := image.pixelColor(x, y)).blue() > colour.red() + 60
        ]
        return np.mean(heights)

    pictures.show_picture(picture())
    width = pictures.noise.width()
    assert share_of_curve(range(width // 3, width // 2)) > share_of_curve(range(3 * width // 4, width - 6))


def test_what_is_unknown_or_absent_is_said(pictures):
    pictures.show_picture(picture(psf_pixel_um=None))
    assert pictures.psf_words.text() == "Blur, 9 px wide"
    pictures.show_picture(picture(psf=None, noise=np.zeros(3)))
    assert pictures.psf_words.text() == "No blur"
    assert pictures.noise_words.text() == "No noise"
    assert grey(pictures.psf).max() == 255  # a point stays a point
    pictures.show_picture(None)
    assert (pictures.psf_words.text(), pictures.noise_words.text()) == ("Blur", "Noise")
    assert np.ptp(grey(pictures.psf)[20:70, 20:70]) == 0
