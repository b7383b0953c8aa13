import json

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Notice, run
from napari_restoration.degradations.motion import MotionBlur
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


def test_a_finer_sharp_image_is_binned_before_the_window_cuts_it(tmp_path):
    fine = np.repeat(np.repeat(sharp("a", 40).data, 2, 0), 2, 1)
    # Chequered noise reaches far out of the window, and its mean over 2 x 2 pixels is 0.
    fine += 5000 * (-1.0) ** np.add.outer(np.arange(2 * SIDE), np.arange(2 * SIDE))

    report = run(
        iter_prepare_bursts([CalibratedImage(fine, "YX", name="a")], STREAM, tmp_path / "out", SETTINGS)
    )

    target = tifffile.imread(report.folder / "target/a.tif")
    (rows, columns) = json.loads((tmp_path / "out/pairs.json").read_text())["pairs"][0]["region"]
    expected = (sharp("a", 40).data[slice(*rows), slice(*columns)] - 500) / 4000
    np.testing.assert_allclose(target, np.clip(expected, 0, 1), atol=1e-3)


def test_a_sharp_image_of_elsewhere_is_left_out_with_the_reason(tmp_path):
    stranger = CalibratedImage(np.random.default_rng(8).random((SIDE, SIDE)) * 4000, "YX", name="other")

    report = run(iter_prepare_bursts([sharp("a", 40), stranger], STREAM, tmp_path / "out", SETTINGS))

    assert report.written == ("a.tif",)
    assert "could not be registered" in report.left_out["other"]


def test_a_burst_can_be_cut_into_tiles_without_metal_bars(tmp_path):
    barred = sharp("a", 40).data.copy()
    barred[:, 20:30] = 0
    settings = BurstSettings(low=500, high=4500, frames=1, tile_px=32)

    report = run(
        iter_prepare_bursts([CalibratedImage(barred, "YX", name="a")], STREAM, tmp_path / "out", settings)
    )

    assert len(report.written) >= 6
    for pair in find_pairs(tmp_path / "out").pairs:
        assert pair.scenes == {"source kidney.tif"}
        assert pair.input.shape == (1, 32, 32)
        assert (pair.read_target({}) > 0).all()
    assert not any("_x0" in name for name in report.written)
    half = BurstSettings(low=500, high=4500, frames=1, tile_px=32, upper_half=True)
    upper = run(
        iter_prepare_bursts([CalibratedImage(barred, "YX", name="a")], STREAM, tmp_path / "half", half)
    )
    assert 0 < len(upper.written) <= len(report.written) // 2
    bars = CalibratedImage(np.where(np.arange(SIDE) % 16 < 4, 0, sharp("a", 40).data), "YX", name="a")
    for _ in range(2):
        with pytest.raises(InputError, match="No tile of 32 x 32 pixels without metal bars"):
            run(iter_prepare_bursts([bars], STREAM, tmp_path / "none", settings))


def test_metal_bars_in_a_burst_that_is_left_whole_are_told_of(tmp_path):
    dark = BurstSettings(low=2200, high=4500, frames=1)
    reports = []
    run(iter_prepare_bursts([sharp("a", 40)], STREAM, tmp_path / "out", dark), reports.append)

    (words,) = [one.message for one in reports if isinstance(one, Notice)]
    assert "as dark as metal bars" in words
    assert "tiles" in words


def test_bursts_of_a_second_stream_join_those_of_the_first_in_one_window(tmp_path):
    run(iter_prepare_bursts([sharp("a", 40)], STREAM, tmp_path / "out", SETTINGS))
    other = CalibratedImage(frames(), "TYX", name="liver.tif")

    with pytest.raises(InputError, match="written as 'a'"):
        run(iter_prepare_bursts([sharp("a", 63)], other, tmp_path / "out", SETTINGS))
    with pytest.raises(OutputError, match="need one"):
        run(iter_prepare_bursts([sharp("b", 63)], other, tmp_path / "out", BurstSettings(low=0, high=9)))
    run(iter_prepare_bursts([sharp("b", 63)], other, tmp_path / "out", SETTINGS))

    scenes = {pair.name: set(pair.scenes) for pair in find_pairs(tmp_path / "out").pairs}
    assert scenes == {"a.tif": {"source kidney.tif"}, "b.tif": {"source liver.tif"}}


def test_missing_pixels_and_dead_frames_of_a_stream_spoil_nothing(tmp_path):
    spoiled = frames().astype(np.float32)
    spoiled[:, 5, 5:9] = np.nan
    spoiled[0] = np.nan
    told = []

    report = run(
        iter_prepare_bursts(
            [sharp("a", 40), sharp("start", 3)], CalibratedImage(spoiled, "TYX"), tmp_path / "out", SETTINGS
        ),
        told.append,
    )

    assert report.written == ("a.tif",)
    assert "Frame 0" in report.left_out["start"]
    assert "no contrast" in report.left_out["start"]
    assert np.isfinite(tifffile.imread(tmp_path / "out/input/a.tif")).all()
    assert any("12 missing pixels of a and its frames were filled" in one.message for one in told)


def test_a_sharp_file_that_cannot_be_read_leaves_the_others(tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0")

    report = run(
        iter_prepare_bursts([tmp_path / "broken.tif", sharp("a", 40)], STREAM, tmp_path / "out", SETTINGS)
    )

    assert report.written == ("a.tif",)
    assert set(report.left_out) == {"broken.tif"}


def test_frames_of_a_moving_stage_are_found_where_they_were(tmp_path):
    """A stream made by the degradation of this project: blurred along a path, each frame at its place on it."""
    motion = MotionBlur(path="linear", length_px=4.0, angle_rad=0.6, frames=7, registered=False, path_seed=1)
    large = scene().astype(np.float32)
    inner = (slice(60, 60 + SIDE), slice(60, 60 + SIDE))
    moving = motion.expectation(large)[:, *inner] + np.random.default_rng(2).normal(0, 40, (7, SIDE, SIDE))
    offset = np.array([1.3, -0.7])
    still = ndimage.shift(large, offset, order=3, mode="mirror")[inner]

    run(
        iter_prepare_bursts(
            [CalibratedImage(still, "YX", name="s")], CalibratedImage(moving, "TYX"), tmp_path / "out",
            BurstSettings(low=500, high=4500),
        )
    )  # fmt: skip

    entry = json.loads((tmp_path / "out/pairs.json").read_text())["pairs"][0]
    places = motion.kernels()[1][entry["frames"]]
    np.testing.assert_allclose([one["shift_px"] for one in entry["motions"]], offset - places, atol=0.08)


def test_what_cannot_be_a_burst_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 3 frames"):
        run(iter_prepare_bursts([sharp("a", 40)], sharp("one", 0), tmp_path / "out", SETTINGS))
    with pytest.raises(InputError, match="must rise"):
        BurstSettings(low=2, high=1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("")
    with pytest.raises(OutputError, match="not empty"):
        run(iter_prepare_bursts([sharp("a", 40)], STREAM, tmp_path / "full", SETTINGS))
