"""One line that says what a step does, from its main values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_restoration.core.quantity import Quantity
from napari_restoration.gui._step_number import shown_text, suffix

# Short enough for a line, and known by these names to whoever sets them; an empty one speaks by its unit alone.
_SHORT_LABELS = {
    "na": "NA", "wavelength_um": "", "excitation_um": "", "model": "", "mode": "", "path": "",
    "peak_photons": "", "length_px": "", "sigma_px": "", "frames": "frames", "factor": "", "gain_electrons_per_adu": "",
    "bits": "", "target_grid": "",
}  # fmt: skip
_LEFT_OUT = ("quantum_efficiency", "offset_adu", "index")
_MOST_PARTS = 6


VARIES = "↔"
"""Behind a value that training pairs draw anew."""


def summarise(fields: Mapping[str, Quantity], entry: Mapping[str, Any], *, with_ranges: bool = False) -> str:
    """Main values of a step, such as ``"NA 0.75, 0.52 µm, defocus 3 µm ↔"``.

    Parameters
    ----------
    fields : mapping
        Meaning of each field, by its name.
    entry : mapping
        The step's values and ``ranges``.
    with_ranges : bool
        Give the limits of what varies, as ``"defocus 3 µm (0–34 µm)"``, instead of a sign.

    Returns
    -------
    str
        Values that do nothing, such as 0, a factor of 1 and what is switched off, are left out.
    """
    ranges = entry.get("ranges", {})
    parts = [
        _part(name, meaning, entry.get(name), ranges.get(name), with_ranges)
        for name, meaning in fields.items()
        if not meaning.advanced and name not in _LEFT_OUT
    ]
    return ", ".join([part for part in parts if part][:_MOST_PARTS])


def _part(
    name: str, meaning: Quantity, value: Any, varies: Mapping[str, Any] | None, with_ranges: bool
) -> str:
    label = _SHORT_LABELS.get(name, meaning.label)
    if varies is not None:
        low, high = (shown_text(meaning, varies[end]) for end in ("low", "high"))
        own = meaning.none_means if value is None else shown_text(meaning, value)
        text = f"{own} ({low.removesuffix(suffix(meaning))}–{high})" if with_ranges else f"{own} {VARIES}"
    elif _does_nothing(meaning, value):
        return ""
    elif meaning.form == "switch":
        return meaning.label
    elif meaning.form == "choice":
        return str(meaning.choices.get(value, value)).partition(",")[0]
    elif meaning.form == "file":
        return str(value).replace("\\", "/").rpartition("/")[2]
    else:
        text = shown_text(meaning, value)
    return f"{label} {text}".strip()


def _does_nothing(meaning: Quantity, value: Any) -> bool:
    if value is None or value is False or value == "":
        return True
    return meaning.form in ("number", "whole") and (value == 0 or (value == 1 and not meaning.unit))
