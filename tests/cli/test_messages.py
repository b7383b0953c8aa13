import json
from pathlib import Path

import numpy as np
import pytest

from napari_restoration.cli.messages import exit_code, for_json, print_json, sentence
from napari_restoration.core.errors import InputError, ModelError, OutputError, TileTooLarge


def test_numbers_that_json_does_not_know_become_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": np.float32("-inf"), "d": np.array([1, 2])})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": None, "d": [1, 2]}


def test_numpy_scalars_paths_and_tuples_become_plain_values() -> None:
    value = {"n": np.int64(3), "x": np.float64(0.5), "p": Path("a"), "t": (1, 2), "y": True, 5: None}
    plain = for_json(value)
    assert plain == {"n": 3, "x": 0.5, "p": "a", "t": [1, 2], "y": True, "5": None}
    assert [type(entry) for entry in plain.values()] == [int, float, str, list, bool, type(None)]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InputError("cell.tif is empty: choose another file."), "cell.tif is empty: choose another file."),
        (ModelError("no such\nmodel"), "no such model."),
        (PermissionError(13, "Permission denied", "cell.tif"), "cell.tif: Permission denied."),
        (ZeroDivisionError(), "Unexpected ZeroDivisionError: no message."),
    ],
)
def test_an_error_is_told_in_one_sentence(error: Exception, text: str) -> None:
    assert sentence(error) == text


@pytest.mark.parametrize(
    ("error", "work_began", "code"),
    [
        (InputError("x"), False, 2),
        (ModelError("x"), False, 2),
        (OutputError("exists"), False, 2),
        (OutputError("disk full"), True, 1),
        (TileTooLarge("x"), False, 1),
        (RuntimeError("x"), False, 1),
        (KeyboardInterrupt(), True, 130),
    ],
)
def test_the_exit_status_tells_bad_input_from_other_errors(
    error: BaseException, work_began: bool, code: int
) -> None:
    assert exit_code(error, work_began=work_began) == code
