"""The record of a result survives JSON, keeps what it does not know, and refuses nonsense by name."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_restoration.core.errors import InputError
from napari_restoration.core.provenance import Provenance, software_versions, to_json

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(), PLAIN, max_size=3)
RECORDS = st.builds(
    Provenance,
    task=st.text(),
    created_utc=st.text(),
    software=OBJECTS,
    inputs=st.lists(OBJECTS, max_size=2),
    model=OBJECTS,
    settings=OBJECTS,
    normalization=st.lists(OBJECTS, max_size=2),
    seed=st.none() | st.integers(0, 2**63),
    parents=st.lists(OBJECTS, max_size=2),
    notices=st.lists(st.text(), max_size=2),
)


@given(RECORDS)
def test_a_record_survives_json(record: Provenance) -> None:
    assert Provenance.from_json(record.to_json()) == record


def test_unknown_fields_are_kept() -> None:
    text = json.dumps({"task": "deblur", "microscope": {"name": "A1"}})
    record = Provenance.from_json(text)
    assert record.extra == {"microscope": {"name": "A1"}}
    assert json.loads(record.to_json())["microscope"] == {"name": "A1"}


def test_numpy_values_become_plain_ones() -> None:
    record = Provenance(
        task="deblur",
        settings={"low": np.float32(0.5), "n": np.int64(3), "ab": np.arange(2), "shape": (1, 2)},
    )
    assert json.loads(record.to_json())["settings"] == {"low": 0.5, "n": 3, "ab": [0, 1], "shape": [1, 2]}


def test_values_that_json_cannot_hold_become_null() -> None:
    assert json.loads(to_json({"a": float("nan"), "b": [float("inf")], "c": np.float64("-inf")})) == {
        "a": None,
        "b": [None],
        "c": None,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": 3}, "'task' is a int, expected text"),
        ({"inputs": {}}, "'inputs' is a dict, expected a list"),
        ({"inputs": [1]}, "'inputs' holds a int at position 0"),
        ({"settings": []}, "'settings' is a list, expected an object"),
        ({"seed": 1.5}, "'seed' is a float, expected a whole number or null"),
        ({"seed": True}, "'seed' is a bool"),
        ({"seed": 1e308}, "'seed' is a float"),
        ({"notices": [None]}, "'notices' holds a NoneType at position 0, expected text"),
        ({"version": 99}, "'version' is 99, this program knows up to 1"),
        ({"version": 0}, "'version' is 0"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Provenance.from_json(json.dumps({"task": "deblur", **change}))


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InputError, match="lacks the field 'task'"):
        Provenance.from_json("{}")


@pytest.mark.parametrize("text", ["", "nonsense", "[" * 100_000, "[1, 2]", "null", '"task"', b"\xff\xfe"])
def test_what_is_no_record_is_an_error(text: str | bytes) -> None:
    with pytest.raises(InputError, match="provenance record"):
        Provenance.from_json(text)


def test_versions_are_found_without_importing_torch() -> None:
    versions = software_versions()
    assert versions["numpy"] == np.__version__
    assert versions["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    code = (
        "import sys; from napari_restoration.core.provenance import software_versions; software_versions();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
