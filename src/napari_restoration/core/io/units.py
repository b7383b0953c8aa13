"""Units of length and time as microscope software spells them."""

from __future__ import annotations

_MICROMETERS = {
    "pm": 1e-6,
    "angstrom": 1e-4,
    "å": 1e-4,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "um": 1.0,
    "micron": 1.0,
    "micrometer": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "dm": 1e5,
    "m": 1e6,
    "meter": 1e6,
    "km": 1e9,
    "inch": 25400.0,
    "in": 25400.0,
}

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "millisecond": 1e-3,
    "msec": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}


def micrometers_in(unit: object) -> float | None:
    r"""Length of a unit in micrometres.

    Parameters
    ----------
    unit : object
        Its name, such as ``"µm"``, ``"\u00B5m"`` (as ImageJ escapes it), ``"nm"``, ``"microns"``.

    Returns
    -------
    float or None
        None for pixels, stage units and anything unknown.
    """
    return _find(_MICROMETERS, unit)


def seconds_in(unit: object) -> float | None:
    """Length of a unit of time in seconds, None if it is unknown."""
    return _find(_SECONDS, unit)


def display_unit(unit: object) -> str:
    """The unit to show lengths in: ``"nm"`` where the file speaks of nanometres, else ``"um"``."""
    return "nm" if micrometers_in(unit) == 1e-3 else "um"


def _find(table: dict[str, float], unit: object) -> float | None:
    name = str(unit).strip().lower().replace("\\u00b5", "u").replace("µ", "u").replace("μ", "u")
    name = name.replace("metre", "meter")
    return table.get(name, table.get(name.removesuffix("s")) if len(name) > 2 else None)
