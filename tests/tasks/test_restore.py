"""The engine around a network whose right answer is known."""

import dask.array
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_restoration.core.errors import InputError, TileTooLarge
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Notice, TileDone, run
from napari_restoration.core.provenance import Provenance
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.settings import RestoreSettings


def pixels(shape, dtype="uint16", seed=0):
    values = np.random.default_rng(seed).integers(0, 250, shape)
    return (values - 100 if np.dtype(dtype).kind == "i" else values).astype(dtype)


def enlarged(array, axes, scale):
    for axis in "YX":
        array = np.repeat(array, scale, axis=axes.index(axis))
    return array


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    axes=st.sampled_from(["YX", "TYX", "ZYX", "YXS", "TZCYX", "YXT", "CXY", "XYZ", "TYXS", "XTY"]),
    sides=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from(["u1", "i1", "<u2", ">u2", "i4", "u4", "f2", "f4", ">f4", "f8"]),
    layout=st.sampled_from(["plain", "fortran", "reversed", "read-only", "strided", "dask"]),
    scale=st.sampled_from([1, 2]),
    tile=st.sampled_from([8, 16, 64]),
)
def test_any_axes_dtype_and_memory_layout_come_back_on_their_own_scale(
    known_model, axes, sides, dtype, layout, scale, tile
):
    shape = [{"Y": sides[0], "X": sides[1], "S": 3}.get(axis, 2) for axis in axes]
    plain = pixels(shape, dtype)
    array = {
        "plain": lambda: plain,
        "fortran": lambda: np.asfortranarray(plain),
        "reversed": lambda: plain[::-1, ::-1].copy()[::-1, ::-1],
        "read-only": lambda: np.frombuffer(plain.tobytes(), plain.dtype).reshape(shape),
        "strided": lambda: np.repeat(plain, 2, axis=-1)[..., ::2],
        "dask": lambda: dask.array.from_array(plain, chunks=7),
    }[layout]()
    result = restore(CalibratedImage(array, axes), known_model(scale=scale), tile=tile)
    assert result.image.axes == axes
    assert result.image.data.dtype == np.float32
    np.testing.assert_allclose(result.image.data, enlarged(plain, axes, scale), rtol=1e-5, atol=1e-3)
    same = restore(CalibratedImage(array, axes), known_model(scale=scale), tile=tile, dtype="same")
    assert same.image.data.dtype == plain.dtype.newbyteorder("=")
    np.testing.assert_allclose(same.image.data, enlarged(plain, axes, scale), rtol=2e-3, atol=1e-3)


def test_the_input_is_not_changed_and_its_record_is_complete(known_model):
    data = pixels((3, 20, 24))
    before = data.copy()
    image = CalibratedImage(
        data,
        "TYX",
        {"Y": 0.2, "X": 0.1},
        name="cells",
        time_interval_s=2.0,
        metadata={"provenance": {"task": "x"}},
    )
    result = restore(image, known_model(scale=2))
    np.testing.assert_array_equal(data, before)
    assert result.image.pixel_size_um == {"Y": 0.1, "X": 0.05}
    assert result.image.origin_um == {"Y": pytest.approx(-0.05), "X": pytest.approx(-0.025)}
    assert result.image.time_interval_s == 2.0
    assert result.image.name == "cells [known]"
    record = Provenance.from_json(result.provenance.to_json())
    assert record.inputs[0]["shape"] == [3, 20, 24]
    assert len(record.inputs[0]["sha256"]) == 64
    assert record.parents == [{"task": "x"}]
    assert record.model["weights_sha256"] == "0" * 64
    assert {
        "model",
        "task",
        "device",
        "precision",
        "tile",
        "halo",
        "tiles",
        "seconds",
    } <= result.report.keys()
    other = data.copy()
    other[0, 0, 0] += 1
    changed = restore(CalibratedImage(other, "TYX"), known_model(scale=2))
    assert changed.provenance.inputs[0]["sha256"] != record.inputs[0]["sha256"]


@pytest.mark.parametrize("scale", [1, 2])
def test_a_missing_pixel_stays_exactly_one_missing_pixel(known_model, scale):
    data = pixels((2, 40, 50), "f4")
    data[0, 7, 9] = np.nan
    data[1, 39, 49] = np.inf
    result = restore(CalibratedImage(data, "TYX"), known_model(scale=scale), tile=16)
    expected = enlarged(~np.isfinite(data), "TYX", scale)
    np.testing.assert_array_equal(np.isnan(result.image.data), expected)
    assert any("2 pixels" in text for text in result.notices)
    with pytest.raises(InputError, match="No pixel has a finite value"):
        restore(CalibratedImage(np.full((9, 9), np.nan), "YX", name="void"), known_model())


def test_a_channel_without_any_finite_pixel_stays_missing_and_the_others_are_restored(known_model):
    data = pixels((2, 20, 24), "f4")
    data[0] = np.nan
    for model in (known_model(), known_model(in_channels=2, out_channels=2)):
        result = restore(CalibratedImage(data, "CYX"), model)
        assert np.isnan(result.image.data[0]).all()
        assert any("480 pixels" in text for text in result.notices)
        assert not any("no contrast" in text for text in result.notices)
    alone = restore(CalibratedImage(data, "CYX"), known_model())
    np.testing.assert_allclose(alone.image.data[1], data[1], atol=1e-3)


def test_a_channel_without_contrast_is_named(known_model):
    data = pixels((2, 20, 24))
    data[1] = 7
    result = restore(CalibratedImage(data, "CYX", name="cells"), known_model())
    assert (result.image.data[1] == 7).all()
    assert any(text.startswith("Channel 1 of 'cells' has no contrast") for text in result.notices)


def test_a_constant_image_passes_with_a_notice(known_model):
    result = restore(CalibratedImage(np.full((20, 20), 1234, np.uint16), "YX"), known_model(scale=2))
    assert (result.image.data == 1234).all()
    assert any("no contrast" in text for text in result.notices)


@pytest.mark.parametrize("dtype", ["float32", "same"])
def test_what_the_network_cannot_tell_is_counted(known_model, dtype):
    class Overflowing(known_model):
        def predict(self, batch):
            result = super().predict(batch)
            result[..., 3, 4] = np.inf
            result[..., 5, 6] = np.nan
            return result

    result = restore(CalibratedImage(pixels((20, 24)), "YX"), Overflowing(), dtype=dtype)
    assert any(text.startswith("2 pixels of the result are no numbers") for text in result.notices)
    if dtype == "float32":
        assert np.argwhere(np.isnan(result.image.data)).tolist() == [[3, 4], [5, 6]]
        assert not np.isinf(result.image.data).any()


def test_results_beyond_float32_are_clipped_and_counted(known_model):
    data = np.linspace(-1e60, 1e60, 400).reshape(20, 20)
    result = restore(CalibratedImage(data, "YX"), known_model())
    assert np.isfinite(result.image.data).all()
    assert any("clipped to the range of float32" in text for text in result.notices)


def test_guessed_axes_are_told_and_a_colour_picture_is_taken_for_one(known_model):
    colour = restore(pixels((40, 50, 3), "u1"), known_model())
    assert colour.image.axes == "YXS"
    assert colour.notices == ("The axes were not named: YXS was assumed for the shape (40, 50, 3).",)
    assert restore(pixels((40, 50)), known_model()).notices == ()
    assert restore(pixels((4, 40, 50)).tolist(), known_model(), axes="ZYX").notices == ()


@pytest.mark.parametrize(
    "choice", [{"tile": 32.5}, {"tile": "32"}, {"channel": 0.5}, {"frames": 2.5}, {"frames": "2"}]
)
def test_choices_that_are_no_whole_numbers_are_refused(choice):
    with pytest.raises(InputError, match=next(iter(choice))):
        RestoreSettings(**choice)


def test_whole_numbers_of_any_kind_are_taken():
    settings = RestoreSettings(tile=np.int64(32), channel=np.uint8(1), frames=np.int16(3))
    assert settings.to_dict() | {"tile": 32, "channel": 1, "frames": 3} == settings.to_dict()
    assert all(type(value) is int for value in (settings.tile, settings.channel, settings.frames))


def test_what_was_noticed_while_reading_is_told_and_recorded(known_model):
    told = "cells.tif: 3 of 9 chunks are missing and read as 0."
    image = CalibratedImage(pixels((20, 20)), "YX", metadata={"notices": [told]})
    result = restore(image, known_model())
    assert told in result.notices
    assert told in result.provenance.notices
    assert "notices" not in result.image.metadata


def test_names_of_channels_follow_the_channels(known_model):
    image = CalibratedImage(pixels((3, 20, 24)), "CYX", metadata={"channels": ["DAPI", "GFP", "Cy5"]})
    assert restore(image, known_model()).image.metadata["channels"] == ["DAPI", "GFP", "Cy5"]
    assert restore(image, known_model(), channel=1).image.metadata["channels"] == ["GFP"]
    fewer = image.replace(data=pixels((2, 20, 24)))
    assert "channels" not in restore(fewer, known_model()).image.metadata


def test_pixels_changed_in_place_after_a_preview_are_read_again(known_model):
    data = pixels((2, 20, 24))
    restoration = run(prepare(CalibratedImage(data, "TYX"), known_model()))
    before = run(restoration.iter_run()).provenance.inputs[0]["sha256"]
    run(restoration.iter_preview({"T": 1}, (slice(0, 5), slice(0, 5))))
    data[1] = data[1, ::-1]
    result = run(restoration.iter_run())
    np.testing.assert_allclose(result.image.data, data, atol=1e-3)
    assert result.provenance.inputs[0]["sha256"] != before


def test_the_record_covers_opacity(known_model):
    data = pixels((20, 24, 4), "u1")
    other = data.copy()
    other[3, 3, 3] += 1
    hashes = [
        restore(CalibratedImage(one, "YXS"), known_model()).provenance.inputs[0]["sha256"]
        for one in (data, other)
    ]
    assert hashes[0] != hashes[1]


def test_small_floating_point_types_are_clipped_like_integers(known_model):
    class Overshooting(known_model):
        def predict(self, batch):
            return 1.5 * super().predict(batch)

    data = np.linspace(0, 60000, 400).reshape(20, 20).astype(np.float16)
    data[3, 3] = np.nan
    result = restore(CalibratedImage(data, "YX"), Overshooting(), dtype="same")
    assert result.image.data.dtype == np.float16
    np.testing.assert_array_equal(np.isfinite(result.image.data), np.isfinite(data))
    assert result.image.data[-1, -1] == np.finfo(np.float16).max
    assert any("clipped to the range of float16" in text for text in result.notices)


def test_opacity_is_copied(known_model):
    data = pixels((20, 30, 4), "u1")
    model = known_model(scale=2)
    result = restore(CalibratedImage(data, "YXS"), model)
    np.testing.assert_array_equal(result.image.data[..., 3], enlarged(data[..., 3], "YX", 2))
    assert len(model.batches) == 3


def test_one_channel_can_be_chosen(known_model):
    data = pixels((3, 20, 30))
    result = restore(CalibratedImage(data, "CYX"), known_model(), channel=2)
    assert result.image.axes == "YX"
    np.testing.assert_allclose(result.image.data, data[2], atol=1e-3)
    with pytest.raises(InputError, match="3 channels"):
        restore(CalibratedImage(data, "CYX"), known_model(), channel=3)


def test_the_laplace_scale_is_left_out_of_the_image(known_model):
    data = pixels((20, 30))
    result = restore(CalibratedImage(data, "YX"), known_model(laplace_scale=True))
    np.testing.assert_allclose(result.image.data, data, atol=1e-3)


@pytest.mark.parametrize(
    ("count", "frames", "axes", "expected"),
    [
        (5, "auto", "YX", lambda d: d.mean(0)),
        (9, "auto", "TYX", lambda d: np.stack([d[max(0, t - 2) : t + 3].mean(0) for t in range(9)])),
        (9, 3, "TYX", lambda d: np.stack([d[max(0, t - 1) : t + 2].mean(0) for t in range(9)])),
        (8, "all", "YX", lambda d: d.mean(0)),
        (3, 1, "TYX", lambda d: d),
    ],
)
def test_frames_of_a_burst_are_chosen_as_asked(known_model, count, frames, axes, expected):
    data = pixels((count, 20, 24))
    image = CalibratedImage(data, "TYX", time_interval_s=1.0)
    result = restore(image, known_model(frames=5, task="deblur"), frames=frames, register=False)
    assert result.image.axes == axes
    np.testing.assert_allclose(result.image.data, expected(data.astype(float)), rtol=1e-4, atol=1e-2)


def test_wrong_frames_are_refused_before_any_work(known_model):
    model = known_model(frames=5, task="deblur")
    with pytest.raises(InputError, match="9 frames"):
        restore(CalibratedImage(pixels((9, 8, 8)), "TYX"), model, frames="all")
    with pytest.raises(InputError, match="single images"):
        restore(CalibratedImage(pixels((9, 8, 8)), "TYX"), known_model(), frames=3)
    with pytest.raises(InputError, match="name the axis of the frames T"):
        restore(CalibratedImage(pixels((9, 8, 8)), "ZYX"), model, frames=3)
    assert model.batches == []


def test_drifting_frames_are_aligned_before_they_are_averaged(known_model):
    from scipy import ndimage

    scene = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(120, 120)), 2) * 1000
    drifting = np.stack([np.roll(scene, (2 * t - 4, 3 * t - 6), (0, 1)) for t in range(5)]).astype(np.float32)
    model = known_model(frames=5, task="deblur")
    aligned = restore(CalibratedImage(drifting, "TYX"), model).image.data
    smeared = restore(CalibratedImage(drifting, "TYX"), model, register=False).image.data
    inner = (slice(12, -12),) * 2
    assert np.abs(aligned - drifting[2])[inner].max() < 0.05 * np.abs(smeared - drifting[2])[inner].max()


def test_a_preview_equals_that_region_of_the_result(known_model):
    image = CalibratedImage(pixels((2, 3, 90, 70)), "TCYX")
    restoration = run(prepare(image, known_model(scale=2), RestoreSettings(tile=16)))
    region = (slice(30, 55), slice(-5, 20))
    reports = []
    preview = run(restoration.iter_preview({"T": 1, "C": 2}, region), reports.append)
    whole = run(restoration.iter_run()).image.data
    assert preview.region == (slice(30, 55), slice(0, 20))
    np.testing.assert_array_equal(preview.values, whole[1, 2, 60:110, 0:40])
    assert all(report.preview is preview for report in reports)
    with pytest.raises(InputError, match="outside"):
        run(restoration.iter_preview({}, (slice(200, 210), slice(0, 5))))
    with pytest.raises(InputError, match="outside"):
        run(restoration.iter_preview({"T": 2}, region))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_preview_of_a_colour_image_holds_its_samples(known_model, channels):
    data = pixels((40, 50, 3), "u1")
    model = known_model(in_channels=channels, out_channels=channels)
    restoration = run(prepare(CalibratedImage(data, "YXS"), model, RestoreSettings(tile=16)))
    preview = run(restoration.iter_preview({}, (slice(0, 20), slice(10, 30))))
    np.testing.assert_allclose(preview.values, data[0:20, 10:30], atol=1e-3)


def test_the_visible_plane_comes_first_and_stopping_keeps_finished_tiles(known_model):
    image = CalibratedImage(pixels((5, 64, 64)), "TYX")
    restoration = run(prepare(image, known_model(), RestoreSettings(tile=32)))
    out = restoration.empty_output()
    task = restoration.iter_run(out, first={"T": 3}, centre=(60, 60))
    first = next(report for report in task if isinstance(report, TileDone))
    task.close()
    assert first.region == (slice(3, 4), slice(32, 64), slice(32, 64))
    done = np.isfinite(out.data)
    assert done[first.region].all()
    assert done.sum() == 32 * 32


def test_progress_counts_every_tile_of_every_plane(known_model):
    reports = []
    restore(CalibratedImage(pixels((3, 64, 96)), "TYX"), known_model(), tile=32, on_progress=reports.append)
    tiles = [report for report in reports if isinstance(report, TileDone)]
    assert [tile.done for tile in tiles] == list(range(1, 19))
    assert {tile.total for tile in tiles} == {18}


def test_running_out_of_memory_shrinks_the_tiles_and_says_so(known_model):
    data = pixels((200, 210))
    reports = []
    result = restore(CalibratedImage(data, "YX"), known_model(largest_window=100), on_progress=reports.append)
    np.testing.assert_allclose(result.image.data, data, atol=1e-3)
    assert any(isinstance(report, Notice) and "tiles are now" in report.message for report in reports)
    assert max(result.provenance.settings["tile"]) < 200
    with pytest.raises(TileTooLarge, match=r"about 0 MiB: choose a tile of 96"):
        restore(CalibratedImage(data, "YX"), known_model(largest_window=100), tile=192)
    with pytest.raises(TileTooLarge, match="another device"):
        restore(CalibratedImage(data, "YX"), known_model(largest_window=10))


def test_several_channels_enter_a_network_together(known_model):
    data = pixels((2, 30, 20))
    model = known_model(in_channels=2, out_channels=2)
    result = restore(CalibratedImage(data, "CYX"), model)
    np.testing.assert_allclose(result.image.data, data, atol=1e-3)
    assert model.batches[0][1] == 2
    with pytest.raises(InputError, match="2 channels at once"):
        restore(CalibratedImage(data, "TYX", name="film"), model)


def test_volumes_are_restored_by_volumetric_models(known_model):
    data = pixels((2, 8, 12, 16))
    result = restore(CalibratedImage(data, "TZYX"), known_model(ndim=3), tile=8)
    np.testing.assert_allclose(result.image.data, data, atol=1e-3)
    with pytest.raises(InputError, match="volumes"):
        restore(CalibratedImage(data, "TCYX"), known_model(ndim=3))
