"""What images tell of their own quality."""

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.comparison_quality import Reading, iter_quality, quality_rows

RNG = np.random.default_rng(2)


def frames(sigma, count=3, noise=3.0):
    """Frames of a still specimen blurred by a Gaussian, with independent white noise."""
    specimen = 5000 * ndimage.gaussian_filter(RNG.random((128, 128)) ** 20, sigma)
    return (100 + specimen + RNG.normal(0, noise, (count, 128, 128))).astype(np.float32)


def quality_of(data, axes="TYX", at=None, **fields):
    image = CalibratedImage(data, axes, name="cells", **fields)
    return run(iter_quality([image], [at or {}]))


def test_a_sharper_image_has_a_finer_resolution_in_um_by_every_way():
    sizes = {"pixel_size_um": {"Y": 0.1, "X": 0.1}}
    sharp, soft = (quality_of(frames(sigma), **sizes).readings[0] for sigma in (2.0, 4.0))
    for key in ("frc_frames", "frc_split", "decorrelation"):
        assert sharp[key].unit == "um"
        assert 0.2 <= sharp[key].value < soft[key].value


def test_the_last_frame_is_correlated_with_the_one_before():
    data = frames(2.0)
    last = quality_of(data, at={"T": 2}).readings[0]["frc_frames"]
    data[0] = RNG.normal(0, 1, data[0].shape)  # has no part in it
    assert quality_of(data, at={"T": 2}).readings[0]["frc_frames"] == last


def test_noise_and_saturation_are_found():
    data = np.minimum(frames(3.0, count=1, noise=4.0), 400)
    data[0, :13, :] = 400
    found = quality_of(data).readings[0]
    assert found["noise_sd"].value == pytest.approx(4.0, rel=0.15)
    assert found["saturated_share"].value >= 10
    assert found["frc_frames"].value is None


def test_lengths_without_a_pixel_size_are_in_pixels_and_said_to_be():
    quality = quality_of(frames(2.0))
    assert quality.readings[0]["decorrelation"].unit == "px"
    assert any("no pixel size" in note for note in quality.notes)


def test_a_restored_image_is_not_said_to_have_that_resolution():
    quality = quality_of(frames(2.0), metadata={"provenance": {"task": "denoise"}})
    assert "not its resolution" in quality.notes[0]
    assert not any("restored" in note for note in quality_of(frames(2.0)).notes)


def test_the_caveats_of_what_was_measured_stand_below_it():
    notes = " ".join(quality_of(frames(2.0)).notes)
    for words in ("must have kept still", "halves the usable band", "stands out of white noise"):
        assert words in notes
    assert "must have kept still" not in " ".join(quality_of(frames(2.0)[0], "YX").notes)


def test_a_plane_without_anything_has_no_numbers_but_a_reason():
    quality = quality_of(np.full((2, 64, 64), 7.0))
    assert quality.readings[0]["decorrelation"].value is None
    assert any("constant" in note for note in quality.notes)


def test_readings_are_written_as_people_read_them():
    assert Reading(value=0.5214, unit="um", is_bound=True).in_words() == "≤ 0.521 µm"
    assert Reading(value=6051.3).in_words() == "6051"
    assert Reading(value=None).in_words() == "–"


def test_colours_are_refused():
    with pytest.raises(InputError, match="colour"):
        quality_of(np.zeros((64, 64, 3), np.uint8), "YXS")


def test_the_table_has_a_line_for_each_reading():
    rows = quality_rows(quality_of(frames(2.0)))
    assert [row[1] for row in rows[1:4]] == ["frc_frames", "frc_split", "decorrelation"]
    assert float(rows[1][2]) > 0
