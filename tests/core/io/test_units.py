"""Units of length and time as microscope software spells them."""

import pytest

from napari_restoration.core.io.units import display_unit, micrometers_in, seconds_in


@pytest.mark.parametrize(
    "unit", ["um", "µm", "μm", "\\u00B5m", "micron", "microns", "Micrometer", "micrometres", " um "]
)
def test_every_spelling_of_the_micrometre_is_known(unit: str) -> None:
    assert micrometers_in(unit) == 1.0
    assert display_unit(unit) == "um"


@pytest.mark.parametrize(
    ("unit", "length"),
    [
        ("nm", 1e-3),
        ("nanometers", 1e-3),
        ("mm", 1e3),
        ("cm", 1e4),
        ("m", 1e6),
        ("inch", 25400.0),
        ("Å", 1e-4),
    ],
)
def test_other_lengths_are_converted(unit: str, length: float) -> None:
    assert micrometers_in(unit) == length


@pytest.mark.parametrize("unit", ["pixel", "pixels", "", None, "reference frame", "s", "xs", 7])
def test_what_is_no_length_is_unknown(unit: object) -> None:
    assert micrometers_in(unit) is None


def test_nanometres_are_shown_as_such() -> None:
    assert display_unit("nm") == "nm"
    assert display_unit("mm") == "um"


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("s", 1), ("sec", 1), ("ms", 1e-3), ("µs", 1e-6), ("min", 60), ("hours", 3600), ("m", None)],
)
def test_times_are_converted(unit: str, seconds: float | None) -> None:
    assert seconds_in(unit) == seconds
