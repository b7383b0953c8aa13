"""Section D of the reliability promises, rows 1 to 5: training pairs that do not fit, and what the user reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.cli import main
from napari_restoration.core.errors import InputError
from napari_restoration.training.pairs.folder import open_pair_folder

Image = npt.NDArray[Any]
Sides = dict[str, Image]
Read = Callable[..., list[str]]
SHAPE = (112, 128)


def scene(seed: int, shape: tuple[int, int] = SHAPE) -> Image:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.0, mode="wrap")
    return (500 + 100 * field / field.std()).astype(np.float32)


def noisy(image: Image, seed: int = 1) -> Image:
    return (image + np.random.default_rng(seed).normal(0, 25, image.shape)).astype(np.float32)


def pair(seed: int = 5) -> Sides:
    return {"input": noisy(scene(seed), seed), "target": scene(seed)}


def write(folder: Path, name: str, images: Sides) -> None:
    for side, image in images.items():
        (folder / side).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(
            folder / side / f"{name}.tif",
            image,
            photometric="minisblack",
            metadata={"axes": "CYX"[-image.ndim :]},
        )


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Read:
    """What `pairs check` says of a pair beside two sound ones, with the exit status in front."""

    def read(images: Sides, *more: str) -> list[str]:
        for name, seed in (("fine1", 1), ("fine2", 2)):
            write(tmp_path / "cells", name, pair(seed))
        write(tmp_path / "cells", "odd", images)
        status = main(["pairs", "check", str(tmp_path / "cells"), *more])
        return [str(status), *capsys.readouterr().out.splitlines()]

    return read


def missing(image: Image, value: float = np.nan) -> Image:
    spoiled = image.copy()
    spoiled[3, :4] = value
    return spoiled


GOOD = pair()
GIVEN, TARGET = GOOD["input"], GOOD["target"]
LEAVE_OUT = "    > Leave the pair out. (leave_out)"
FILL = "    > Fill them from their neighbours, or leave the pair out. (fill)"
ERRORS = {
    "shape": (GIVEN, TARGET[:-5], "! odd.tif: The input has 112 x 128 pixels, the target 107 x 128: no whole ratio "
              "from 1 to 4.", "    > Check that they belong together; cropping both to their common size helps if they "
              "start alike. (crop)"),
    "another size": (GIVEN, TARGET[:90, :60], "! odd.tif: The input has 112 x 128 pixels, the target 90 x 60: no whole "
                     "ratio from 1 to 4.", "    > Check that they belong together, and resample one of them. "
                     "(leave_out)"),
    "channels": (GIVEN, np.stack([TARGET] * 3), "! odd.tif: The input has 1 channel, the target 3.",
                 "    > Take the same channels of both. (leave_out)"),
    "scale": (GIVEN, np.repeat(np.repeat(TARGET, 2, 0), 2, 1), "! odd.tif: Its target has 2 pixels along a pixel of "
              "the input, that of most pairs has 1.", "    > Train it apart, or leave it out. (leave_out)"),
    "identical": (GIVEN, 2 * GIVEN + 3, "! odd.tif: Input and target are the same image.", LEAVE_OUT),
    "identical with holes": (missing(GIVEN), missing(GIVEN), "! odd.tif: Input and target are the same image.",
                             LEAVE_OUT),
    "swapped": (TARGET, GIVEN, "! odd.tif: The target is noisier than the input, ",
                "    > Input and target seem exchanged: swap them if so. (swap)"),
    "constant target": (GIVEN, np.full_like(TARGET, 7), "! odd.tif: The target has one value only.", LEAVE_OUT),
    "constant input": (np.zeros_like(GIVEN), TARGET, "! odd.tif: The input has one value only.", LEAVE_OUT),
    "nothing finite": (np.full_like(GIVEN, np.inf), TARGET, "! odd.tif: The input has no finite pixel.", LEAVE_OUT),
    "shift of a sixth": (GIVEN, np.roll(TARGET, 20, 1), "! odd.tif: The target is shifted by 20.0",
                         "    > More than a tenth of the image: check that the two belong together, or take them "
                         "again. (leave_out)"),
    "another field": (GIVEN, scene(33), "! odd.tif: Input and target have no structure in common (correlation ",
                      "    > Check that the two show one field; a wrong name or a shift of more than a quarter does "
                      "this. (leave_out)"),
}  # fmt: skip
WARNINGS = {
    "NaN": (GIVEN, missing(TARGET), "? odd.tif: 0.028% of the target's pixels are NaN or infinite.", FILL),
    "infinite": (missing(GIVEN, np.inf), TARGET, "? odd.tif: 0.028% of the input's pixels are NaN or infinite.", FILL),
    "saturated": (np.minimum(GIVEN, np.percentile(GIVEN, 95)), TARGET,
                  "? odd.tif: 5.0% of the input's pixels are saturated.",
                  "    > Their brightness is not known; take it with less exposure, or leave the pair out."),
    "shift": (GIVEN, ndimage.shift(TARGET, (2.4, -1.3), order=3, mode="mirror"),
              "? odd.tif: The target is shifted by 2.7",
              "    > Register: whole pixels are cropped from both, the rest is interpolated in the target. (register)"),
    "type": (np.round(GIVEN).astype(np.uint16), TARGET,
             "? odd.tif: Its input is of type uint16, that of most pairs float32.",
             "    > Check that its grey levels mean the same, or leave it out."),
}  # fmt: skip


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("given", "target", "words", "advice"), ERRORS.values(), ids=ERRORS)
def test_a_pair_that_teaches_nothing_or_wrong_is_an_error_that_names_it(
    given: Image, target: Image, words: str, advice: str, told: Read
) -> None:
    status, first, second, *_, last = told({"input": given, "target": target})

    assert status == "2"
    assert first.startswith(words)
    assert second == advice
    assert last == "2 of 3 pairs can be trained on as they are."


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("given", "target", "words", "advice"), WARNINGS.values(), ids=WARNINGS)
def test_a_fault_that_can_be_lived_with_is_a_warning_with_what_to_do(
    given: Image, target: Image, words: str, advice: str, told: Read
) -> None:
    status, first, second, *_, last = told({"input": given, "target": target})

    assert status == "0"
    assert first.startswith(words)
    assert second == advice
    assert last == "3 of 3 pairs can be trained on as they are."


def test_bad_pairs_are_left_out_by_one_flag(told: Read, tmp_path: Path) -> None:
    lines = told({"input": GIVEN, "target": np.full_like(TARGET, 7)}, "--fix", str(tmp_path / "good"))

    assert lines[0] == "0"
    assert lines[-1] == f"2 pairs are in {tmp_path / 'good'}, 0 of them mended."


def test_an_image_without_a_partner_is_named(told: Read) -> None:
    assert told({"input": GIVEN})[:3] == [
        "2",
        "! 1 input has no target: 'odd.tif'.",
        "    > Name both files alike, or leave it out. (leave_out)",
    ]


def test_nothing_is_claimed_of_pairs_too_small_to_judge(told: Read) -> None:
    assert told({side: image[:30, :30] for side, image in GOOD.items()}) == [
        "0",
        "3 of 3 pairs can be trained on as they are.",
    ]
    assert told({side: image[:12, :12] for side, image in GOOD.items()})[1] == (
        "! odd.tif: It cannot be examined: An image of 12 x 12 pixels is too small to align; 16 are needed."
    )


def test_a_copy_and_an_overlapping_part_are_told_in_the_set_and_refused_in_validation(
    told: Read, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    large = scene(40, (160, 160))
    write(held, "part", {"input": noisy(large[:112, :128]), "target": large[:112, :128]})
    write(held, "copy", pair(1))
    odd = {"input": noisy(large[40:152, 20:148], 2), "target": large[40:152, 20:148]}

    lines = told(odd, "--val", str(held))

    assert lines[0] == "2"
    found = [line for line in lines if line.startswith("! ")]
    assert found[0] == (
        "! fine1.tif: Training and validation share a field: 'fine1.tif' and 'copy.tif' have equal pixels."
    )
    assert found[1].startswith(
        "! odd.tif: Training and validation share a field: 'odd.tif' and 'part.tif' overlap by 54%, shifted by -40 and "
        "-20 px"
    )
    with pytest.raises(
        InputError, match=r"Training and validation share fields of view: .*equal pixels.*overlap"
    ):
        open_pair_folder(tmp_path / "cells", validation=held, share=0.2, seed=0, patch=32)


def test_training_starts_with_none_of_the_pairs_that_do_not_fit(told: Read, tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    told({"input": GIVEN, "target": TARGET[:-5]})

    with pytest.raises(
        InputError,
        match=r"do not fit together: 'odd.tif': its input has 112 x 128 pixels and its target 107 x 128",
    ):
        open_pair_folder(cells, share=0.2, seed=0, patch=32)
    write(cells, "odd", GOOD)
    with pytest.raises(
        InputError, match=r"Patches of 113 pixels do not fit into .*: the largest that fits all is 112"
    ):
        open_pair_folder(cells, share=0.2, seed=0, patch=113)


def test_a_single_pair_is_trained_on_with_a_notice(tmp_path: Path) -> None:
    write(tmp_path, "only", GOOD)

    opened = open_pair_folder(tmp_path, share=0.2, seed=0, patch=32)

    assert (len(opened.train), len(opened.held_out)) == (1, 1)
    assert opened.notice.startswith("All images show one field of view: none can be held out whole")


def test_no_pair_at_all_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "none").mkdir()

    assert main(["pairs", "check", str(tmp_path / "none")]) == 2
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith("pairs need folders 'input' and 'target', or two folders of images.")
    )
