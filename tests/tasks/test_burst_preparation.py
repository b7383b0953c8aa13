import json

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.burst_preparation import BurstSettings, iter_prepare_bursts
from napari_restoration.tasks.pair_doctor import find_pairs

SIDE = 128


def scene():
    field = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(300, 300)), 2.0, mode="wrap")
    return 1000 + 3000 * (field - field.min()) / np.ptp(field)


def frames():
    rng = np.random.default_rng(4)
    places = [scene()[10 * n : 10 * n + SIDE, 60 : 60 + SIDE] for n in range(9)]
    return np.stack([place + rng.normal(0, 60, place.shape) for place in places]).astype(np.uint16)


STREAM = CalibratedImage(frames(), "TYX", pixel_size_um={"Y": 0.03, "X": 0.03}, name="kidney.tif")
SETTINGS = BurstSettings(low=500, high=4500, frames=3)


def sharp(name, y):
    return CalibratedImage(scene()[y : y + SIDE, 60 : 60 + SIDE], "YX", name=name)


def test_bursts_are_written_as_pairs_of_one_source(tmp_path):
    report = run(iter_prepare_bursts([sharp("a", 40), sharp("b", 63)], STREAM, tmp_path / "out", SETTINGS))

    assert report.written == ("a.tif", "b.tif")
    pairs = find_pairs(tmp_path / "out").pairs
    assert all(pair.is_burst and pair.scale == 1 for pair in pairs)
    assert {scene for pair in pairs for scene in pair.scenes} == {"source kidney.tif"}
    assert pairs[0].input.pixel_size_um["X"] == pytest.approx(0.03)
    entry = json.loads((tmp_path / "out/pairs.json").read_text())["pairs"][0]
    assert entry["frames"] == [3, 4, 5]
    np.testing.assert_allclose(
        [one["shift_px"] for one in entry["motions"]], [(-10, 0), (0, 0), (10, 0)], atol=0.1
    )


def test_frames_and_target_show_the_same_in_the_window_scale(tmp_path):
    run(iter_prepare_bursts([sharp("a", 40)], STREAM, tmp_path / "out", SETTINGS))

    burst, target = (tifffile.imread(tmp_path / "out" / side / "a.tif") for side in ("input", "target"))

    assert burst.shape == (3, *target.shape)
    assert (burst - target)[:, 2:-2, 2:-2].std() == pytest.approx(60 / 4000, rel=0.1)


def test_a_finer_sharp_image_is_binned_to_the_stream(tmp_path):
    fine = np.repeat(np.repeat(sharp("a", 40).data, 2, 0), 2, 1)

    report = run(
        iter_prepare_bursts([CalibratedImage(fine, "YX", name="a")], STREAM, tmp_path / "out", SETTINGS)
    )

    assert tifffile.imread(report.folder / "target/a.tif").shape[1] in range(SIDE - 4, SIDE + 1)


def test_a_sharp_image_of_elsewhere_is_left_out_with_the_reason(tmp_path):
    stranger = CalibratedImage(np.random.default_rng(8).random((SIDE, SIDE)) * 4000, "YX", name="other")

    report = run(iter_prepare_bursts([sharp("a", 40), stranger], STREAM, tmp_path / "out", SETTINGS))

    assert report.written == ("a.tif",)
    assert "could not be registered" in report.left_out["other"]


def test_what_cannot_be_a_burst_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 3 frames"):
        run(iter_prepare_bursts([sharp("a", 40)], sharp("one", 0), tmp_path / "out", SETTINGS))
    with pytest.raises(InputError, match="must rise"):
        BurstSettings(low=2, high=1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("")
    with pytest.raises(OutputError, match="not empty"):
        run(iter_prepare_bursts([sharp("a", 40)], STREAM, tmp_path / "full", SETTINGS))
