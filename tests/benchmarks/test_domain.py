"""The report on images unlike the training images counts alarms and names what was found."""

import numpy as np
from benchmarks.domain import Result, compared, markdown

from napari_restoration.models.registry import find_card


def result(kind, *found, model="a"):
    return Result(model=model, file="x.tif", kind=kind, found=found, seconds=0.1)


def test_shares_are_counted_by_row_and_model():
    results = [
        result("as in training"), result("as in training", "soft"), result("inverted", "bright", model="b"),
        result("inverted", "bright", "clean", model="b"),
    ]  # fmt: skip
    text = markdown(results, "val")
    assert "on 1 files of the *val* split" in text
    assert "| as in training | 50 % (1 of 2) |  | 50 % (1 of 2) | soft 1 |" in text
    assert "| inverted |  | 100 % (2 of 2) | 100 % (2 of 2) | bright 2, clean 1 |" in text


def test_an_image_is_held_against_a_models_card():
    y, x = np.mgrid[:128, :128]
    smooth = compared(find_card("denoise-care")[0], "x.tif", "drawn", np.sin(x / 9) * np.sin(y / 7))
    assert "clean" in smooth.found
