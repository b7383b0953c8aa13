"""Where a result lies: the same world rectangle as its source, whatever the scale, rotation or shear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.gui._layers import full_resolution

if TYPE_CHECKING:
    from napari.layers import Image


_ROUNDING = 1e-12


@dataclass(frozen=True)
class Placement:
    """How an array becomes a layer beside its source.

    Parameters
    ----------
    geometry : mapping
        Keyword arguments of ``viewer.add_image``: scale, translate, rotate, shear, affine, units, axis_labels, rgb.
    order : tuple of int
        Order of the array's axes in the layer.
    new_axes : tuple of int
        Where the array then needs axes of length 1.
    """

    geometry: Mapping[str, Any]
    order: tuple[int, ...]
    new_axes: tuple[int, ...]

    def fit(self, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The array as the layer holds it; shares the memory, so that tiles go on arriving in it."""
        return np.expand_dims(data.transpose(self.order), self.new_axes)


def place_result(
    layer: Image,
    axes: str,
    output_axes: str,
    *,
    scale: int | Fraction,
    spatial: str,
    array_axes: str | None = None,
    start: Mapping[str, float] | None = None,
    at: Mapping[str, int] | None = None,
) -> Placement:
    """Lay a result over its source.

    Pixel ``j`` of the result has its centre at ``step * j + offset`` input pixels: for an axis that is `scale`
    times finer ``j / scale - (scale - 1) / (2 * scale)``; a fraction such as 1/2 stands for a coarser one. An axis
    that the result has lost (time points that became one plane) is left out where it comes first; elsewhere it
    stays, as one pixel as long as the whole axis, so that the result is seen at each of its positions. An axis that
    it has gained, such as the frames of a burst, comes first, in pixels from 0.

    Parameters
    ----------
    layer : napari.layers.Image
        The source.
    axes : str
        Its axes.
    output_axes : str
        Axes of the whole result, in the order of `axes`; new ones first.
    scale : int or Fraction
        Result pixels for each input pixel along `spatial`.
    spatial : str
        The axes that are finer or coarser.
    array_axes : str, optional
        Axes of the array to place, if it is a part of the result.
    start : mapping of str to float, optional
        Input pixel at which that part begins, along axes of the array.
    at : mapping of str to int, optional
        Its position along axes of the result that the array lacks.

    Returns
    -------
    Placement
        For ``viewer.add_image``.
    """
    from napari.utils.transforms import CompositeAffine

    array_axes, start, at = array_axes or output_axes, start or {}, at or {}
    letters = axes[:-1] if layer.rgb else axes
    lengths = dict(zip(axes, full_resolution(layer).shape, strict=True))
    step, offset, lost = np.ones(len(letters)), np.zeros(len(letters)), []
    for i, letter in enumerate(letters):
        if letter not in output_axes:
            step[i], offset[i] = lengths[letter], (lengths[letter] - 1) / 2
            lost.append(i)
        elif letter not in array_axes:
            offset[i] = at.get(letter, 0)
        else:
            factor = scale if letter in spatial else 1
            step[i] = 1 / factor
            offset[i] = start.get(letter, 0) - (factor - 1) / (2 * factor)

    source = CompositeAffine(
        scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear
    )
    first = 0
    while first in lost and _is_independent(first, source, layer.affine):
        first += 1
    kept = list(range(first, len(letters)))
    geometry = {
        "scale": (np.asarray(layer.scale) * step)[kept],
        "translate": (np.asarray(layer.translate) + source.linear_matrix @ offset)[kept],
        "rotate": source.set_slice(kept).rotate,
        "shear": source.set_slice(kept).shear,
        "affine": layer.affine.set_slice(kept) if first else layer.affine,
        "units": tuple(layer.units[i] for i in kept),
        "axis_labels": tuple(layer.axis_labels[i] for i in kept),
        "rgb": layer.rgb and axes[-1] in array_axes,
    }
    gained = [letter for letter in array_axes if letter not in axes]
    present = gained + [letter for letter in axes if letter in array_axes]
    return Placement(
        _with_axes_in_front(geometry, gained) if gained else geometry,
        order=tuple(array_axes.index(letter) for letter in present),
        new_axes=tuple(i - first + len(gained) for i in kept if letters[i] not in array_axes),
    )


def _with_axes_in_front(geometry: Mapping[str, Any], labels: list[str]) -> dict[str, Any]:
    """The same place in a world with further axes, along which pixels are counted from 0."""
    from napari.utils.transforms import CompositeAffine

    parts = {name: geometry[name] for name in ("scale", "translate", "rotate", "shear")}
    new = list(range(len(labels)))
    expanded = CompositeAffine(**parts).expand_dims(new)
    return {
        **geometry,
        **{name: getattr(expanded, name) for name in parts},
        "affine": geometry["affine"].expand_dims(new),
        "units": ("pixel",) * len(labels) + tuple(str(unit) for unit in geometry["units"]),
        "axis_labels": (*labels, *geometry["axis_labels"]),
    }


def _is_independent(axis: int, *transforms: Any) -> bool:
    """Whether an axis is neither mixed into others nor others into it."""
    for transform in transforms:
        mixing = np.array(transform.linear_matrix)
        mixing[axis, axis] = 0
        if np.any(np.abs(mixing[axis]) > _ROUNDING) or np.any(np.abs(mixing[:, axis]) > _ROUNDING):
            return False
    return True
