"""Scores of one or two images against a reference, plane by plane, as a task that can be watched and stopped."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core import metrics
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.compare import compare

SCORES = tuple(name + suffix for suffix in ("", "_affine") for name in metrics.METRICS)
"""Names of the scores; those after the best gain and offset end in ``_affine``."""

Values = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class PlaneScores:
    """Scores of each image in one plane.

    Attributes
    ----------
    position
        Of the plane along T, Z and C.
    values
        For each image its scores by name; None where a score is undefined or infinite.
    """

    position: Mapping[str, int]
    values: tuple[Values, ...]

    @property
    def words(self) -> str:
        """Such as ``"T 0, Z 3"``; empty for a single plane."""
        return ", ".join(f"{axis} {index}" for axis, index in self.position.items())


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of images against a reference.

    Attributes
    ----------
    names
        Of the images.
    reference
        Name of the reference.
    data_range
        The intensity range that PSNR and SSIM refer to.
    overall
        For each image the mean over the planes on which a score is defined and finite.
    planes
        Every plane.
    identical_planes
        For each image how many planes equal the reference; their PSNR is infinite and does not count in its mean.
    """

    names: tuple[str, ...]
    reference: str
    data_range: float
    overall: tuple[Values, ...]
    planes: tuple[PlaneScores, ...]
    identical_planes: tuple[int, ...]


def iter_scores(
    images: Sequence[CalibratedImage], reference: CalibratedImage, *, data_range: float | None = None
) -> Task[Scores]:
    """Score images against a reference, with the definitions of `napari_restoration.tasks.compare.compare`.

    Parameters
    ----------
    images : sequence of CalibratedImage
        Of the reference's planes; one that is coarser than the reference by a whole factor is enlarged bicubically, and
        of frames that became one plane the middle one is taken.
    reference : CalibratedImage
        What they should look like.
    data_range : float, optional
        Intensity range for PSNR and SSIM; by default maximum minus minimum of the whole reference.

    Returns
    -------
    Scores
        Of every plane, and their means.

    Raises
    ------
    InputError
        If an image does not show the same planes, or its pixels are neither as fine as the reference's nor coarser by
        a whole factor; before anything is read.
    """
    for image in images:
        _check(image, reference)
    positions = list(_positions(reference))
    total = len(positions) * (1 if data_range is not None else 2)
    spread = data_range
    if spread is None:
        spread = yield from _iter_range(reference, positions, total)
    done = total - len(positions)
    planes, identical = [], [0] * len(images)
    for position in positions:
        judged = _score_plane(images, reference, position, spread)
        identical = [
            count + result["identical_planes"] for count, result in zip(identical, judged, strict=True)
        ]
        values = tuple({name: result[name] for name in SCORES} for result in judged)
        planes.append(PlaneScores(position=position, values=values))
        done += 1
        yield Progress(done=done, total=total, message="Scoring planes")
    overall = tuple(
        {name: _mean([plane.values[i][name] for plane in planes]) for name in SCORES}
        for i in range(len(images))
    )
    return Scores(
        names=tuple(image.name for image in images),
        reference=reference.name,
        data_range=spread,
        overall=overall,
        planes=tuple(planes),
        identical_planes=tuple(identical),
    )


def score_rows(scores: Scores) -> list[list[str]]:
    """A table of everything: a line for each image and plane, and one for its means; the first has the titles."""
    axes = list(dict.fromkeys(axis for plane in scores.planes for axis in plane.position))
    rows = [["image", "reference", "data_range", "plane", *axes, *SCORES]]
    for i, name in enumerate(scores.names):
        common = [name, scores.reference, f"{scores.data_range:.9g}"]
        rows.append([*common, "mean", *("" for _ in axes), *_figures(scores.overall[i])])
        for number, plane in enumerate(scores.planes):
            place = [str(plane.position.get(axis, "")) for axis in axes]
            rows.append([*common, str(number), *place, *_figures(plane.values[i])])
    return rows


def _figures(values: Values) -> list[str]:
    return ["" if (value := values[name]) is None else f"{value:.9g}" for name in SCORES]


def _iter_range(
    reference: CalibratedImage, positions: Sequence[Mapping[str, int]], total: int
) -> Task[float]:
    """Maximum minus minimum of all finite pixels; 0 where there are none."""
    low, high = math.inf, -math.inf
    for done, position in enumerate(positions, 1):
        plane = _plane(reference, position).data
        finite = plane[np.isfinite(plane)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        yield Progress(done=done, total=total, message="Measuring the reference's range")
    return high - low if high > low else 0.0


def _score_plane(
    images: Sequence[CalibratedImage], reference: CalibratedImage, position: Mapping[str, int], spread: float
) -> list[dict[str, Any]]:
    """Results of `compare` for one plane of each image."""
    target, limit = _plane(reference, position), spread if spread > 0 else None
    planes = [_plane(image, position) for image in images]
    fine = [i for i, plane in enumerate(planes) if plane.size_of("Y") == target.size_of("Y")]
    results: dict[int, dict[str, Any]] = {}
    for i, plane in enumerate(planes):
        if i not in fine:
            # `compare` enlarges what it takes for the input, beside something on the reference's grid.
            host = fine.pop(0) if fine and fine[0] not in results else None
            result = compare(target if host is None else planes[host], target, before=plane, data_range=limit)
            results[i] = result["before"]
            if host is not None:
                results[host] = result
    for i in fine:
        results[i] = compare(planes[i], target, data_range=limit)
    return [results[i] for i in range(len(planes))]


def _check(image: CalibratedImage, reference: CalibratedImage) -> None:
    same_planes = all(image.size_of(axis) == reference.size_of(axis) for axis in "ZCS")
    same_planes = same_planes and (reference.size_of("T") in (1, image.size_of("T")))
    factors = {divmod(reference.size_of(axis), image.size_of(axis)) for axis in "YX"}
    if same_planes and len(factors) == 1 and next(iter(factors))[1] == 0:
        return
    raise InputError(
        f"{_described(image)} cannot be scored against {_described(reference)}: choose a reference with the same "
        "planes, and with pixels as fine or finer by a whole factor."
    )


def _described(image: CalibratedImage) -> str:
    return f"{image.name!r} ({image.axes}, {' x '.join(str(length) for length in image.shape)})"


def _positions(image: CalibratedImage) -> list[dict[str, int]]:
    axes = [axis for axis in "TZC" if image.size_of(axis) > 1]
    counts = (range(image.size_of(axis)) for axis in axes)
    return [dict(zip(axes, place, strict=True)) for place in itertools.product(*counts)]


def _plane(image: CalibratedImage, position: Mapping[str, int]) -> CalibratedImage:
    """One plane; an axis that the position does not name gives its middle."""
    index = tuple(
        slice(None) if axis in "YXS" else position.get(axis, image.size_of(axis) // 2) for axis in image.axes
    )
    data: npt.NDArray[Any] = np.asarray(image.data[index])
    return CalibratedImage(data, "".join(axis for axis in image.axes if axis in "YXS"), name=image.name)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(known) / len(known) if known else None
