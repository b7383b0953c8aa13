"""From file to file: planes in the file's order, calibration kept, whole or absent."""

import numpy as np
import pytest

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image, write_image
from napari_restoration.core.progress import TileDone, run
from napari_restoration.tasks.restore_file import iter_restore_file
from napari_restoration.tasks.settings import RestoreSettings

UM = {"Z": 0.5, "Y": 0.2, "X": 0.2}


def pixels(shape, dtype="uint16"):
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr"])
@pytest.mark.parametrize("axes", ["TZCYX", "YX", "ZYX", "TCYX"])
def test_planes_arrive_where_they_belong_with_their_calibration(known_model, tmp_path, suffix, axes):
    shape = [{"Y": 20, "X": 24, "T": 3, "Z": 4, "C": 2}[axis] for axis in axes]
    data = pixels(shape)
    write_image(tmp_path / "in.ome.tif", CalibratedImage(data, axes, UM))
    output = tmp_path / f"out{suffix}"
    report = run(iter_restore_file(tmp_path / "in.ome.tif", output, known_model(scale=2)))
    restored = read_image(output)
    # OME-Zarr prescribes channels before depth; every other order is the input's own.
    assert restored.axes == ("TCZYX" if (suffix, axes) == (".ome.zarr", "TZCYX") else axes)
    assert report["axes"] == restored.axes
    assert report["output_shape"] == list(restored.shape)
    assert report["output"] == str(output)
    assert restored.pixel_size_um["X"] == pytest.approx(0.1)
    assert restored.metadata["provenance"]["inputs"][0]["shape"] == shape
    found = np.asarray(restored.data).transpose([restored.axes.index(axis) for axis in axes])
    np.testing.assert_allclose(found, np.repeat(np.repeat(data, 2, -1), 2, -2), atol=1e-2)


def test_colour_and_odd_axes_orders_are_written_in_the_files_order(known_model, tmp_path):
    colour = pixels((2, 20, 24, 3), "uint8")
    write_image(tmp_path / "colour.ome.tif", CalibratedImage(colour, "TYXS"))
    run(
        iter_restore_file(
            tmp_path / "colour.ome.tif", tmp_path / "out.tif", known_model(), RestoreSettings(dtype="same")
        )
    )
    restored = read_image(tmp_path / "out.tif")
    assert restored.axes == "TYXS"
    np.testing.assert_array_equal(np.asarray(restored.data), colour)

    odd = pixels((20, 24, 3, 2))
    np.save(tmp_path / "odd.npy", odd)
    run(iter_restore_file(tmp_path / "odd.npy", tmp_path / "odd.ome.tif", known_model(), axes="XYZT"))
    restored = read_image(tmp_path / "odd.ome.tif")
    assert restored.axes == "TZYX"
    np.testing.assert_allclose(np.asarray(restored.data), odd.transpose(3, 2, 1, 0), atol=1e-2)


def test_volumetric_models_and_joint_channels_are_gathered_before_they_are_written(known_model, tmp_path):
    data = pixels((2, 4, 2, 12, 16))
    write_image(tmp_path / "in.ome.tif", CalibratedImage(data, "TZCYX", UM))
    for number, model in enumerate((known_model(ndim=3), known_model(in_channels=2, out_channels=2))):
        output = tmp_path / f"{number}.ome.tif"
        run(iter_restore_file(tmp_path / "in.ome.tif", output, model))
        np.testing.assert_allclose(np.asarray(read_image(output).data), data, atol=1e-2)


def test_a_run_that_is_stopped_leaves_nothing(known_model, tmp_path):
    write_image(tmp_path / "in.tif", CalibratedImage(pixels((3, 64, 64)), "TYX"))
    task = iter_restore_file(
        tmp_path / "in.tif", tmp_path / "out.tif", known_model(), RestoreSettings(tile=32)
    )
    next(report for report in task if isinstance(report, TileDone))
    task.close()
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_an_existing_output_and_the_input_itself_are_refused(known_model, tmp_path):
    write_image(tmp_path / "in.tif", CalibratedImage(pixels((20, 20)), "YX"))
    (tmp_path / "out.tif").write_bytes(b"precious")
    model = known_model()
    with pytest.raises(OutputError, match="overwrite"):
        run(iter_restore_file(tmp_path / "in.tif", tmp_path / "out.tif", model))
    with pytest.raises(OutputError, match="input itself"):
        run(iter_restore_file(tmp_path / "in.tif", tmp_path / "in.tif", model, overwrite=True))
    assert (tmp_path / "out.tif").read_bytes() == b"precious"
    assert model.batches == []
    run(iter_restore_file(tmp_path / "in.tif", tmp_path / "out.tif", model, overwrite=True))
    assert read_image(tmp_path / "out.tif").shape == (20, 20)


def test_a_format_that_cannot_hold_the_result_is_told_before_any_work(known_model, tmp_path):
    write_image(tmp_path / "in.ome.tif", CalibratedImage(pixels((3, 20, 20)), "TYX"))
    reports = []
    with pytest.raises(OutputError, match="png"):
        run(iter_restore_file(tmp_path / "in.ome.tif", tmp_path / "out.png", known_model()), reports.append)
    assert reports == []
    assert [path.name for path in tmp_path.iterdir()] == ["in.ome.tif"]


def test_a_file_without_any_finite_pixel_names_itself(known_model, tmp_path):
    np.save(tmp_path / "void.npy", np.full((9, 9), np.nan))
    with pytest.raises(InputError, match="void"):
        run(iter_restore_file(tmp_path / "void.npy", tmp_path / "out.tif", known_model()))
