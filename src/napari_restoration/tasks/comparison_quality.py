"""What an image tells of its own quality without a reference: resolution, noise, saturation, with their caveats."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.sample_planes import check_measurable, middle_of

Key = Literal["frc_frames", "frc_split", "decorrelation", "noise_sd", "signal_to_noise", "saturated_share"]

TITLES: Mapping[Key, str] = {
    "frc_frames": "FRC, two frames",
    "frc_split": "FRC, one image split",
    "decorrelation": "Decorrelation",
    "noise_sd": "Noise SD",
    "signal_to_noise": "Signal to noise",
    "saturated_share": "Saturated",
}
_SQUARE_WITHIN = 0.02
_LONG = 1000

_FRAMES = (
    "FRC of two frames: these are successive time points, so the specimen must have kept still; motion makes it "
    "coarser, a fixed camera pattern finer."
)
_SPLIT = (
    "FRC of one image: splitting it halves the usable band, so nothing finer than 4 pixels can be found (≤ then means "
    "that or better), and it needs noise that is independent between pixels."
)
_DECORRELATION = (
    "Decorrelation analysis: the finest detail that stands out of white noise; noise that is not white and drawn edges "
    "count as detail."
)
_RESTORED = (
    "{names}: a restored image. What a network has learned is common to all of its parts, so these numbers are its "
    "consistency, not its resolution; quote the raw image's."
)
_NO_PIXEL_SIZE = "{names}: no pixel size is known, so lengths are in pixels."


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One number about an image.

    Attributes
    ----------
    value
        None where there is none, with the reason in `words`.
    unit
        ``"um"``, ``"px"``, ``"grey levels"``, ``"%"`` or empty.
    is_bound
        The value is the finest that could be found: the truth is that or better.
    words
        What limits it, in this image.
    """

    value: float | None
    unit: str = ""
    is_bound: bool = False
    words: str = ""

    def in_words(self) -> str:
        """Such as ``"≤ 0.52 um"``; a dash where there is no number."""
        if self.value is None:
            return "–"
        figure = f"{self.value:.3g}" if abs(self.value) < _LONG else f"{self.value:.0f}"
        unit = {"um": " µm", "px": " px", "%": " %"}.get(self.unit, "")
        return f"≤ {figure}{unit}" if self.is_bound else f"{figure}{unit}"


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Readings of some images, in one plane of each.

    Attributes
    ----------
    names
        Of the images.
    readings
        For each image its readings by name.
    notes
        What to know before a number is quoted, as sentences.
    """

    names: tuple[str, ...]
    readings: tuple[Mapping[Key, Reading], ...]
    notes: tuple[str, ...]


def iter_quality(images: Sequence[CalibratedImage], at: Sequence[Mapping[str, int]]) -> Task[Quality]:
    """Measure the quality of a plane of each image: its middle 1024 x 1024 pixels at most.

    Parameters
    ----------
    images : sequence of CalibratedImage
        Without colours, of at least 32 pixels a side; one that has provenance counts as restored.
    at : sequence of mapping of str to int
        Position of each image's plane; 0 along an axis that it does not name.

    Returns
    -------
    Quality
        Resolution by Fourier ring correlation (of this time point and the next one; of this plane alone, split) and by
        decorrelation analysis, the noise's standard deviation, signal to noise and the share of saturated pixels.

    Raises
    ------
    InputError
        If an image is in colour or too small.
    """
    for image in images:
        check_measurable(image)
    steps = ("Correlating frames", "Correlating halves", "Decorrelating", "Measuring noise")
    total, done = len(steps) * len(images), 0
    readings: list[Mapping[Key, Reading]] = []
    for image, known in zip(images, at, strict=True):
        place = {axis: known.get(axis, 0) for axis in image.axes if axis not in "YX"}
        plane = _finite(middle_of(image, place))
        found: dict[Key, Reading] = {}
        for step in steps:
            yield Progress(done=done, total=total, message=f"{step}: {image.name}")
            found.update(_measured(step, image, plane, place))
            done += 1
        readings.append({key: found[key] for key in TITLES})
    return Quality(
        names=tuple(image.name for image in images), readings=tuple(readings), notes=_notes(images, readings)
    )


def quality_rows(quality: Quality) -> list[list[str]]:
    """A table of all readings: a line a reading, with value, unit and remarks; the first line has the titles."""
    rows = [["image", "measure", "value", "unit", "or_better", "remark"]]
    for name, readings in zip(quality.names, quality.readings, strict=True):
        for key, reading in readings.items():
            value = "" if reading.value is None else f"{reading.value:.6g}"
            rows.append([name, key, value, reading.unit, str(int(reading.is_bound)), reading.words])
    return rows


def _measured(
    step: str, image: CalibratedImage, plane: npt.NDArray[Any], at: Mapping[str, int]
) -> dict[Key, Reading]:
    if step == "Correlating frames":
        return {"frc_frames": _of_frames(image, plane, at)}
    if step == "Correlating halves":
        return {"frc_split": _of_one(image, plane)}
    if step == "Decorrelating":
        return {"decorrelation": _decorrelated(image, plane)}
    return _noise(plane)


def _of_frames(image: CalibratedImage, plane: npt.NDArray[Any], at: Mapping[str, int]) -> Reading:
    from napari_restoration.core.resolution import ring_correlation

    count = image.size_of("T")
    if count < 2:
        return Reading(value=None)
    now = at.get("T", 0)
    other = _finite(middle_of(image, {**at, "T": now + 1 if now + 1 < count else now - 1}))
    try:
        found = ring_correlation(plane, other)
    except InputError as error:
        return Reading(value=None, words=str(error))
    return _length(image, found.resolution_px, is_bound=found.is_limited_by_pixels)


def _of_one(image: CalibratedImage, plane: npt.NDArray[Any]) -> Reading:
    from napari_restoration.core.resolution import split_ring_correlation

    try:
        found = split_ring_correlation(plane)
    except InputError as error:
        return Reading(value=None, words=str(error))
    return _length(image, found.resolution_px, is_bound=found.is_limited_by_pixels)


def _decorrelated(image: CalibratedImage, plane: npt.NDArray[Any]) -> Reading:
    from napari_restoration.core.decorrelation import decorrelation_analysis

    try:
        found = decorrelation_analysis(plane)
    except InputError as error:
        return Reading(value=None, words=str(error))
    return _length(image, found.resolution_px, is_bound=False)


def _noise(plane: npt.NDArray[Any]) -> dict[Key, Reading]:
    from napari_restoration.degradations.estimates.flaws import find_flaws
    from napari_restoration.tasks.findings import is_remade

    try:
        flaws = find_flaws(plane)
    except InputError as error:
        nothing = Reading(value=None, words=str(error))
        return {"noise_sd": nothing, "signal_to_noise": nothing, "saturated_share": nothing}
    words = (
        "The noise of neighbouring pixels is not independent, as a camera's would be."
        if is_remade(flaws)
        else ""
    )
    return {
        "noise_sd": Reading(value=flaws.noise_sd, unit="grey levels", words=words),
        "signal_to_noise": Reading(value=flaws.signal_to_noise, words=words),
        "saturated_share": Reading(value=100 * flaws.saturated_share, unit="%"),
    }


def _length(image: CalibratedImage, pixels: float, *, is_bound: bool) -> Reading:
    if not math.isfinite(pixels):
        return Reading(value=None, words="Nothing stands out of the noise.")
    size = pixel_um(image)
    if size is None:
        return Reading(value=pixels, unit="px", is_bound=is_bound)
    return Reading(value=pixels * size, unit="um", is_bound=is_bound)


def pixel_um(image: CalibratedImage) -> float | None:
    """Side of an image's square pixels in um; None if it is not known, or they are not square."""
    y, x = image.pixel_size_um.get("Y"), image.pixel_size_um.get("X")
    if y is None or x is None or abs(y - x) > _SQUARE_WITHIN * max(x, y):
        return None
    return math.sqrt(x * y)


def _finite(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if plane.dtype.kind != "f":
        return plane
    return np.where(np.isfinite(plane), plane, np.nan)


def _notes(images: Sequence[CalibratedImage], readings: Sequence[Mapping[Key, Reading]]) -> tuple[str, ...]:
    notes = []
    restored = [image.name for image in images if image.metadata.get("provenance")]
    if restored:
        notes.append(_RESTORED.format(names=", ".join(restored)))
    unsized = [image.name for image in images if pixel_um(image) is None]
    if unsized:
        notes.append(_NO_PIXEL_SIZE.format(names=", ".join(unsized)))
    for key, words in (("frc_frames", _FRAMES), ("frc_split", _SPLIT), ("decorrelation", _DECORRELATION)):
        if any(one.value is not None for reading in readings for name, one in reading.items() if name == key):
            notes.append(words)
    remarks: dict[str, list[str]] = {}
    for image, reading in zip(images, readings, strict=True):
        for words in dict.fromkeys(one.words for one in reading.values() if one.words):
            remarks.setdefault(words, []).append(image.name)
    notes += [f"{', '.join(names)}: {words}" for words, names in remarks.items()]
    return tuple(notes)
