"""Score a restored image against a reference, plane by plane."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core import metrics
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage

Array = npt.NDArray[Any]

_LOOPED = "TZC"
_SCORES = tuple(name + suffix for suffix in ("", "_affine") for name in metrics.METRICS)


def compare(
    restored: CalibratedImage,
    reference: CalibratedImage,
    before: CalibratedImage | None = None,
    data_range: float | None = None,
) -> dict[str, Any]:
    """Score a restored image, and what it was restored from, against a reference.

    Planes are read and scored one at a time, so that memory follows the plane and not the stack. Axes of
    length 1 may be absent and the axes may stand in another order.

    Parameters
    ----------
    restored : CalibratedImage
        The image to judge, on the reference's grid and intensity scale.
    reference : CalibratedImage
        What it should look like.
    before : CalibratedImage, optional
        The input of the restoration, scored beside it. One that is coarser by a whole factor is enlarged
        bicubically to the reference's grid. Of frames that became one plane the middle one is taken.
    data_range : float, optional
        Intensity range for PSNR and SSIM; by default maximum minus minimum of the whole reference.

    Returns
    -------
    dict
        Ready for JSON. ``psnr, ssim, pcc, mae, nrmse`` and their ``_affine`` versions are means over the
        planes; a plane on which a score is infinite or undefined does not count in its mean. ``per_plane``
        has the same scores for each plane with its position, ``before`` those of the input. Beside them stand
        ``planes``, ``identical_planes``, ``nonfinite_pixels``, ``data_range`` and the names ``restored`` and
        ``reference``. What is infinite or undefined is None: PSNR of identical planes, every score of a plane
        with missing values, SSIM of planes below 11 pixels, PSNR and SSIM against a constant reference.

    Raises
    ------
    InputError
        If the sizes of the images do not fit each other, or the data range is not a positive number.
    """
    if data_range is not None and not (math.isfinite(data_range) and data_range > 0):
        raise InputError(
            f"The data range is {data_range}: give a positive number, or leave it out for the reference's own."
        )
    _check_sizes(restored, reference)
    if before is not None:
        _check_before(before, reference)
    spread = _spread(reference) if data_range is None else float(data_range)
    limit = spread if spread > 0 else None
    result = _score_planes(restored, reference, limit)
    result["data_range"] = spread
    result["restored"], result["reference"] = restored.name, reference.name
    if before is not None:
        result["before"] = {**_score_planes(before, reference, limit), "name": before.name}
    return result


def _check_sizes(restored: CalibratedImage, reference: CalibratedImage) -> None:
    if any(restored.size_of(axis) != reference.size_of(axis) for axis in "TZCYXS"):
        raise InputError(
            f"{_described(restored)} and {_described(reference)} do not show the same planes: "
            "compare images of the same size, and name the axes if they were guessed wrong."
        )


def _check_before(before: CalibratedImage, reference: CalibratedImage) -> None:
    frames = before.size_of("T") if reference.size_of("T") == 1 else reference.size_of("T")
    fits = before.size_of("T") == frames and all(before.size_of(a) == reference.size_of(a) for a in "ZCS")
    factors = {divmod(reference.size_of(axis), before.size_of(axis)) for axis in "YX"}
    if not fits or len(factors) > 1 or next(iter(factors))[1] != 0:
        raise InputError(
            f"The input {_described(before)} does not fit {_described(reference)}: give the image that was "
            "restored, of the same size or coarser by a whole factor."
        )


def _described(image: CalibratedImage) -> str:
    size = " x ".join(str(length) for length in image.shape)
    return f"{image.name!r} ({image.axes}, {size})"


def _positions(image: CalibratedImage) -> Iterator[dict[str, int]]:
    axes = [axis for axis in _LOOPED if image.size_of(axis) > 1]
    for indices in itertools.product(*(range(image.size_of(axis)) for axis in axes)):
        yield dict(zip(axes, indices, strict=True))


def _plane(image: CalibratedImage, position: Mapping[str, int]) -> Array:
    """One plane (Y, X) or (Y, X, S) as float64; an axis that `position` does not name gives its middle."""
    index = tuple(
        slice(None) if axis in "YXS" else position.get(axis, image.size_of(axis) // 2) for axis in image.axes
    )
    kept = [axis for axis in image.axes if axis in "YXS"]
    plane = np.asarray(image.data[index], dtype=np.float64)
    return plane.transpose([kept.index(axis) for axis in "YXS" if axis in kept])


def _spread(reference: CalibratedImage) -> float:
    low, high = math.inf, -math.inf
    for position in _positions(reference):
        plane = _plane(reference, position)
        finite = plane if np.isfinite(plane).all() else plane[np.isfinite(plane)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return high - low if high > low else 0.0


def _score_planes(
    image: CalibratedImage, reference: CalibratedImage, data_range: float | None
) -> dict[str, Any]:
    per_plane: list[dict[str, Any]] = []
    raw: list[dict[str, float]] = []
    nonfinite = 0
    for position in _positions(reference):
        target = _plane(reference, position)
        judged = _enlarged(_plane(image, position), target.shape)
        nonfinite += int(np.count_nonzero(~(np.isfinite(judged) & np.isfinite(target))))
        raw.append(
            metrics.score(judged, target, data_range=data_range, channel_axis=2 if target.ndim == 3 else None)
        )
        per_plane.append({"position": position, **{name: _for_json(raw[-1][name]) for name in _SCORES}})
    means = {name: _mean([scores[name] for scores in raw]) for name in _SCORES}
    identical = sum(scores["psnr"] == math.inf for scores in raw)
    return {
        **means,
        "planes": len(raw),
        "identical_planes": identical,
        "nonfinite_pixels": nonfinite,
        "per_plane": per_plane,
    }


def _enlarged(plane: Array, shape: tuple[int, ...]) -> Array:
    if plane.shape[:2] == shape[:2]:
        return plane
    from skimage import transform

    resize: Any = transform.resize  # scikit-image has no types here
    size = (*shape[:2], *plane.shape[2:])
    return np.asarray(
        resize(plane, size, order=3, mode="symmetric", clip=False, anti_aliasing=False, preserve_range=True)
    )


def _for_json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: list[float]) -> float | None:
    counted = [value for value in values if math.isfinite(value)]
    return math.fsum(counted) / len(counted) if counted else None
