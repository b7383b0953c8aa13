"""What the metadata of a TIFF say about sizes, times, origin and channels."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from napari_restoration.core.io.tiff_check import CheckedTiff, imagej_fields
from napari_restoration.core.io.units import display_unit, micrometers_in, seconds_in
from napari_restoration.core.provenance import KEY

# Coarser than this is what graphics programs write for print (1200 dpi is 21 µm), not the calibration of an optic.
_COARSEST_PRINT_FREE_UM = 20.0
_RESOLUTION_TAGS = {"X": 282, "Y": 283}
_RESOLUTION_UNITS_UM = {2: 25400.0, 3: 1e4, 4: 1e3, 5: 1.0}


def calibration_of(checked: CheckedTiff, page: Any, imagej: Mapping[str, Any] | None) -> dict[str, Any]:
    """Keyword arguments of `CalibratedImage` from a TIFF's metadata.

    Parameters
    ----------
    checked : CheckedTiff
        The file's kind and description.
    page : tifffile.TiffPage
        Its first page.
    imagej : mapping, optional
        tifffile's ImageJ metadata.

    Returns
    -------
    dict
        ``pixel_size_um``, ``display_unit``, ``time_interval_s``, ``origin_um`` and ``metadata``; in the last
        ``"axes"`` if the file names all axes of the image, those of length 1 included.
    """
    if checked.ome is not None:
        return dict(checked.ome.calibration)
    if checked.kind == "imagej":
        return _imagej(imagej_fields(checked.description), page, imagej or {})
    if checked.kind == "shaped":
        return _shaped(json.loads(checked.description), page)
    return _entry(_resolution_um(page), "um", None, {}, {})


def _entry(
    sizes: Mapping[str, float],
    unit: str,
    interval: float | None,
    origin: Mapping[str, float],
    metadata: dict[str, Any],
) -> dict[str, Any]:
    return {
        "pixel_size_um": dict(sizes),
        "display_unit": unit,
        "time_interval_s": interval,
        "origin_um": dict(origin),
        "metadata": metadata,
    }


def _imagej(fields: Mapping[str, str], page: Any, extra: Mapping[str, Any]) -> dict[str, Any]:
    factor = micrometers_in(fields.get("unit", ""))
    sizes: dict[str, float] = {}
    origin: dict[str, float] = {}
    if factor is not None:
        pixels_per_unit = dict(zip("XY", page.get_resolution(), strict=True))
        for axis, density in pixels_per_unit.items():
            if density > 0 and _RESOLUTION_TAGS[axis] in page.tags:
                sizes[axis] = factor / density
        spacing = abs(
            _number(fields.get("spacing"))
        )  # some programs write a sign for the direction of the stage
        if spacing > 0:
            sizes["Z"] = spacing * (micrometers_in(fields.get("zunit", "")) or factor)
        for axis, size in sizes.items():
            position = _number(fields.get(f"{axis.lower()}origin"))
            if math.isfinite(position):
                origin[axis] = 0.0 - position * size
    seconds = seconds_in(fields.get("tunit", "s"))
    interval = _number(fields.get("finterval"))
    fps = _number(fields.get("fps"))
    if not interval > 0 and fps > 0:
        interval, seconds = 1 / fps, 1.0
    info = _own_info(extra.get("Info"))
    metadata: dict[str, Any] = {}
    if KEY in info:
        metadata["provenance"] = info[KEY]
    for key in ("axes", "channels"):
        if key in info:
            metadata[key] = info[key]
    origin.update(_lengths(info.get("origin_um"), positive=False))
    return _entry(
        {axis: sizes[axis] for axis in "ZYX" if axis in sizes},
        display_unit(fields.get("unit", "")),
        interval * seconds if seconds and interval > 0 else None,
        origin,
        metadata,
    )


def _own_info(info: Any) -> Mapping[str, Any]:
    try:
        content = json.loads(info) if isinstance(info, str) and info.lstrip().startswith("{") else {}
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and (KEY in content or "axes" in content) else {}


def _shaped(record: Mapping[str, Any], page: Any) -> dict[str, Any]:
    sizes = _lengths(record.get("pixel_size_um"))
    unit = record.get("unit", "")
    factor = micrometers_in(unit)
    if not sizes and factor is not None:
        sizes = {a: factor / n for a, n in zip("XY", page.get_resolution(), strict=True) if n > 0 and n != 1}
        spacing = _number(record.get("spacing"))
        if spacing > 0:
            sizes["Z"] = spacing * factor
    if not sizes:
        sizes = _resolution_um(page)
    if "Z" not in sizes and _even_spacing(record.get("z_um")) is not None:
        sizes["Z"] = _even_spacing(record.get("z_um")) or 0.0
    metadata: dict[str, Any] = {}
    if KEY in record:
        metadata["provenance"] = record[KEY]
    if isinstance(record.get("channels"), list):
        metadata["channels"] = record["channels"]
    shown = record.get("display_unit")
    interval = _number(record.get("time_interval_s"))
    return _entry(
        sizes,
        shown if shown in ("um", "nm") else display_unit(unit),
        interval if interval > 0 else None,
        _lengths(record.get("origin_um"), positive=False),
        metadata,
    )


def _resolution_um(page: Any) -> dict[str, float]:
    """Pixel size by the resolution tags, where their unit is a length and their value not one for print."""
    unit = page.tags.valueof(296)
    factor = _RESOLUTION_UNITS_UM.get(int(unit)) if isinstance(unit, int) else None
    if factor is None or 282 not in page.tags or 283 not in page.tags:
        return {}
    sizes = {}
    for axis, density in zip("XY", page.get_resolution(), strict=True):
        size = factor / density if density > 0 else math.inf
        if not size < _COARSEST_PRINT_FREE_UM:
            return {}
        sizes[axis] = size
    return {"Y": sizes["Y"], "X": sizes["X"]}


def _lengths(value: Any, *, positive: bool = True) -> dict[str, float]:
    if not isinstance(value, Mapping):
        number = _number(value)
        return {"Y": number, "X": number} if positive and number > 0 else {}
    numbers = {axis: _number(value.get(axis)) for axis in "ZYX" if axis in value}
    return {axis: n for axis, n in numbers.items() if math.isfinite(n) and (n > 0 or not positive)}


def _even_spacing(positions: Any) -> float | None:
    if not isinstance(positions, Sequence) or isinstance(positions, str) or len(positions) < 2:
        return None
    numbers = [_number(position) for position in positions]
    steps = [after - before for before, after in pairwise(numbers)]
    first = steps[0]
    if not all(math.isclose(step, first, rel_tol=1e-3) for step in steps) or first == 0:
        return None
    return abs((numbers[-1] - numbers[0]) / len(steps))


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan
