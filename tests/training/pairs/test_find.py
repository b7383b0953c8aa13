import json

import numpy as np
import pytest
import tifffile

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.pairs.find import find_pairs, pairs_of_images
from napari_restoration.training.pairs.pair import make_pair
from napari_restoration.training.pairs.stored import StoredImage

PLANE = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)


def names(found):
    return [(pair.input.name, pair.target.name) for pair in found.pairs]


def test_a_folder_with_input_and_target_gives_its_pairs_and_what_is_left_over(write, tmp_path):
    for name in ("input/a.tif", "target/a.tif", "input/b.tif"):
        write(name, PLANE)

    found = find_pairs(tmp_path)

    assert names(found) == [("a.tif", "a.tif")]
    assert [(one.kind, one.names) for one in found.unpaired] == [("lone_input", ("b.tif",))]
    assert found.unpaired[0].words == "1 input has no target: 'b.tif'."


def test_two_folders_and_two_files_are_pairs_as_well(write, tmp_path):
    low, high = write("low/a_low.tif", PLANE), write("high/a_high.tif", PLANE)

    assert names(find_pairs(tmp_path / "low", tmp_path / "high")) == [("a_low.tif", "a_high.tif")]
    assert names(find_pairs(low, high)) == [("a_low.tif", "a_high.tif")]


def test_one_folder_is_divided_by_words_or_by_given_endings(write, tmp_path):
    for name in ("a_noisy.tif", "a_clean.tif", "b_60ms.tif", "b.tif"):
        write(f"mixed/{name}", PLANE)

    assert names(find_pairs(tmp_path / "mixed")) == [("a_noisy.tif", "a_clean.tif")]
    with_endings = find_pairs(tmp_path / "mixed", suffixes=("_60ms", ""))
    assert ("b_60ms.tif", "b.tif") in names(with_endings)


def test_a_file_that_cannot_be_read_does_not_stop_the_others(write, tmp_path):
    for name in ("input/a.tif", "target/a.tif", "input/b.tif", "target/b.tif"):
        write(name, PLANE)
    (tmp_path / "input/b.tif").write_bytes(b"no image")

    found = find_pairs(tmp_path)

    assert names(found) == [("a.tif", "a.tif")]
    assert found.unpaired[0].kind == "unreadable"
    assert "b.tif" in found.unpaired[0].words


def test_a_record_tells_which_pairs_come_from_one_image(write, tmp_path):
    for name in ("x_000.tif", "y_000.tif"):
        write(f"input/{name}", PLANE)
        write(f"target/{name}", PLANE)
    entries = [{"pair": name, "source": {"name": "embryo.tif"}} for name in ("x_000.tif", "y_000.tif")]
    (tmp_path / "pairs.json").write_text(json.dumps({"pairs": entries}))

    found = find_pairs(tmp_path)

    assert {scene for pair in found.pairs for scene in pair.scenes} == {"source embryo.tif"}


def test_folders_without_pairs_are_refused_with_what_to_do(tmp_path, write):
    with pytest.raises(InputError, match="cannot be read"):
        find_pairs(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        find_pairs(tmp_path / "empty")
    write("one/a.tif", PLANE)
    with pytest.raises(InputError, match="0 inputs and 0 targets among 1 images"):
        find_pairs(tmp_path / "one")


def test_stacks_are_pairs_of_planes(write):
    stack = np.stack([PLANE, PLANE + 1, PLANE + 2])
    options = {"metadata": {"axes": "ZYX"}, "photometric": "minisblack"}
    pair = make_pair(write("in.tif", stack, **options), write("out.tif", stack * 2, **options))

    assert [place["Z"] for place in pair.positions()] == [0, 1, 2]
    np.testing.assert_array_equal(pair.read_target({"T": 0, "Z": 2, "C": 0}), (PLANE + 2) * 2)


def test_layers_are_pairs_without_files():
    images = [CalibratedImage(PLANE, "YX", name="cell"), CalibratedImage(PLANE + 1, "YX", name="truth")]

    found = pairs_of_images([tuple(images), tuple(images)])

    assert [pair.name for pair in found.pairs] == ["cell", "cell (2)"]
    assert found.pairs[0].scenes == found.pairs[1].scenes
    np.testing.assert_array_equal(found.pairs[0].read_target({}), PLANE + 1)


def test_a_burst_keeps_its_frames_and_has_one_target(write):
    frames = write("b.tif", np.stack([PLANE] * 5), metadata={"axes": "TYX"})
    pair = make_pair(frames, write("t.tif", PLANE))

    assert pair.is_burst
    assert len(pair.positions()) == 1
    assert pair.read_input({"Z": 0, "C": 0}, (slice(2, 8), slice(0, 5))).shape == (5, 6, 5)


def test_scale_is_a_whole_ratio_and_anything_else_is_named(write):
    assert (
        make_pair(write("a.tif", PLANE), write("b.tif", np.repeat(np.repeat(PLANE, 2, 0), 2, 1))).scale == 2
    )
    odd = make_pair(write("c.tif", PLANE), write("d.tif", np.zeros((30, 32), np.uint16)))
    assert odd.scale is None
    with pytest.raises(InputError, match="24 x 32 pixels and its target 30 x 32"):
        odd.positions()
    planes = make_pair(write("e.tif", np.stack([PLANE] * 5), metadata={"axes": "ZYX"}), write("f.tif", PLANE))
    assert planes.trouble() == "its input has 5 planes and its target 1"


def test_colour_is_read_as_the_mean_of_its_samples(write):
    rgb = np.stack([PLANE, PLANE + 3, PLANE + 6], axis=-1)
    stored = StoredImage.of(write("rgb.tif", rgb, photometric="rgb"))

    np.testing.assert_array_equal(stored.read({}), PLANE + 3)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"compression": "zlib", "tile": (16, 16)}])
def test_a_part_of_a_plane_equals_that_part_of_the_whole(write, options):
    stack = np.stack([PLANE, PLANE + 1000])
    stored = StoredImage.of(write("s.tif", stack, metadata={"axes": "ZYX"}, **options))

    np.testing.assert_array_equal(
        stored.read({"Z": 1}, (slice(3, 9), slice(20, 32))), PLANE[3:9, 20:32] + 1000
    )


def test_a_file_that_changed_its_shape_is_refused(write):
    path = write("a.tif", PLANE)
    stored = StoredImage.of(path)
    tifffile.imwrite(path, np.zeros((10, 10), np.uint16))

    with pytest.raises(InputError, match="has changed"):
        stored.read({})
