import numpy as np
import pytest
from tests.training.pairs.conftest import noisy, texture

from napari_restoration.core.errors import InputError
from napari_restoration.training.pairs.folder import open_pair_folder

CHOICES = {"share": 0.25, "seed": 3, "patch": 32}


@pytest.fixture
def folder(write, tmp_path):
    for number in range(8):
        image = texture((64, 80), seed=number // 2)
        name = f"cell{number // 2}_{'mild' if number % 2 else 'hard'}.tif"
        write(f"train/input/{name}", noisy(image, number))
        write(f"train/target/{name}", image)
    return tmp_path / "train"


def scenes(sources):
    return {source.name.split("_")[0] for source in sources}


def test_fields_of_view_are_divided_and_stay_in_their_files(folder):
    opened = open_pair_folder(folder, **CHOICES)

    assert (len(opened.train), len(opened.held_out), opened.scale, opened.frames) == (6, 2, 1, None)
    assert not scenes(opened.train) & scenes(opened.held_out)
    assert not isinstance(opened.train[0].input, np.ndarray)
    assert opened.train[0].input[0:8, 4:9].shape == (8, 5)


def test_copies_under_another_name_stay_on_one_side(folder, write):
    for name in ("x", "y", "z"):
        write(f"train/input/{name}.tif", noisy(texture((64, 80), seed=0), 77))
        write(f"train/target/{name}.tif", texture((64, 80), seed=0))

    for seed in range(12):
        opened = open_pair_folder(folder, share=0.25, seed=seed, patch=32)
        sides = ["x.tif" in {s.name for s in side} for side in (opened.train, opened.held_out)]
        together = opened.train if sides[0] else opened.held_out
        assert {"x.tif", "y.tif", "z.tif", "cell0_mild.tif", "cell0_hard.tif"} <= {s.name for s in together}


def test_a_given_validation_folder_is_used_whole_and_searched_for_leaks(folder, write, tmp_path):
    for side in ("input", "target"):
        write(f"held/{side}/cell0_mild.tif", texture((64, 80), seed=50 + (side == "input")))
    opened = open_pair_folder(folder, validation=tmp_path / "held", **CHOICES)
    assert (len(opened.train), [source.name for source in opened.held_out]) == (
        8,
        ["validation/cell0_mild.tif"],
    )

    with pytest.raises(InputError, match=r"share fields of view: .*file in common"):
        open_pair_folder(folder, validation=folder, **CHOICES)


def test_what_does_not_fit_is_refused_with_all_offenders(folder, write):
    with pytest.raises(InputError, match="not 2"):
        open_pair_folder(folder, scale=2, **CHOICES)
    with pytest.raises(InputError, match="largest that fits all is 64"):
        open_pair_folder(folder, share=0.25, seed=0, patch=65)
    write("train/target/cell0_hard.tif", texture((64, 79)))
    write("train/target/cell1_hard.tif", texture((30, 80)))
    with pytest.raises(InputError, match=r"cell0_hard.*64 x 79.*cell1_hard.*30 x 80.*pairs check"):
        open_pair_folder(folder, **CHOICES)
    write("train/input/lonely.tif", texture())
    with pytest.raises(InputError, match=r"lonely\.tif"):
        open_pair_folder(folder, **CHOICES)


def test_bursts_and_single_images_are_not_mixed(folder, write):
    write("train/input/burst.tif", np.stack([texture((64, 80))] * 5), metadata={"axes": "TYX"})
    write("train/target/burst.tif", texture((64, 80)))

    with pytest.raises(InputError, match="is a burst"):
        open_pair_folder(folder, **CHOICES)


def test_one_pair_alone_is_trained_on_and_that_is_said(write, tmp_path):
    write("input/a.tif", noisy(texture((64, 64)), 1))
    write("target/a.tif", texture((64, 64)))

    opened = open_pair_folder(tmp_path, **CHOICES)

    assert (len(opened.train), opened.held_out) == (1, [])
    assert "one field of view" in opened.notice
    assert "how well they were learned" in opened.notice
