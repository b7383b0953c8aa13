"""An image with everything a microscopist knows about it: axes, pixel size, name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from napari_restoration.core.axes import check_axes
from napari_restoration.core.errors import InputError

# numpy arrays, memory maps, dask and zarr arrays have no common base class; what is asked of them is
# `shape`, `dtype` and basic indexing.
ArrayLike = Any

_CONVERSIONS = {
    "b": "convert it to numbers first, for example with data.astype('uint8')",
    "c": "restore its magnitude, abs(data), or its real and imaginary parts one by one",
}


@dataclass(frozen=True, eq=False)
class CalibratedImage:
    """An array, the meaning of its axes and its calibration.

    Parameters
    ----------
    data : array-like
        numpy, memory-mapped, dask or zarr array; a lazy array stays lazy. Lists are made arrays; a masked
        array becomes floating point with NaN at the masked pixels.
    axes : str
        One letter for each dimension, out of ``TZCYX`` and ``S`` (RGB or RGBA samples), each at most once,
        with ``Y`` and ``X``.
    pixel_size_um : mapping of str to float
        Size of a pixel along ``Z``, ``Y``, ``X`` in micrometres. An axis that is absent is uncalibrated.
    display_unit : str
        The unit in which the user reads lengths, ``"um"`` or ``"nm"``.
    time_interval_s : float, optional
        Seconds between time points.
    name : str
        What messages call the image.
    origin_um : mapping of str to float
        World position of the centre of the first pixel, in micrometres.
    metadata : mapping
        What else came along; ``"provenance"`` holds the record of an earlier restoration.

    Raises
    ------
    InputError
        If the axes do not fit the array, the array is empty, or its values are not real numbers.
    """

    data: ArrayLike
    axes: str
    pixel_size_um: Mapping[str, float] = field(default_factory=dict)
    display_unit: str = "um"
    time_interval_s: float | None = None
    name: str = "image"
    origin_um: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        data = self.data
        # Tensors of other libraries have a dtype too, but none that numpy knows.
        if not (hasattr(data, "shape") and hasattr(data, "__getitem__") and _has_numpy_dtype(data)):
            data = as_array(data, self.name)
        check_dtype(data.dtype, self.name)
        if _is_masked(data):
            floating = data.dtype if data.dtype.kind == "f" else np.result_type(data.dtype, np.float32)
            data = data.astype(floating)
            if isinstance(data, np.ma.MaskedArray):
                data = np.ma.filled(data, np.nan)
            else:
                data = data.map_blocks(np.ma.filled, np.nan, dtype=floating)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "axes", check_axes(self.axes, tuple(data.shape), self.name))
        if 0 in data.shape:
            raise InputError(f"{self.name!r} is empty: its shape is {tuple(data.shape)}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(int(length) for length in self.data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        dtype: np.dtype[Any] = np.dtype(self.data.dtype)
        return dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    def size_of(self, axis: str) -> int:
        """Length along an axis; 1 if the image has no such axis."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def replace(self, **changes: Any) -> Self:
        """Copy with some fields changed."""
        return replace(self, **changes)


def _has_numpy_dtype(data: Any) -> bool:
    return isinstance(getattr(data, "dtype", None), np.dtype)


def _is_masked(data: Any) -> bool:
    """Whether an array, or a dask array's chunks, carry a mask."""
    return any(isinstance(one, np.ma.MaskedArray) for one in (data, getattr(data, "_meta", None)))


def as_array(data: Any, name: str) -> np.ndarray[Any, Any]:
    """Make lists, tensors and the like a numpy array.

    Raises
    ------
    InputError
        If they are none, such as rows of different lengths.
    """
    try:
        return np.asarray(data)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{name!r} cannot be made an array of numbers ({error}).") from error


def check_dtype(dtype: np.dtype[Any], name: str) -> None:
    """Refuse values that are not real numbers.

    Raises
    ------
    InputError
        For booleans, complex numbers, objects, text, dates and records, with the conversion that helps.
    """
    if dtype.kind in "iuf":
        return
    fix = _CONVERSIONS.get(dtype.kind, "convert it to an array of integers or floating-point numbers first")
    raise InputError(f"{name!r} holds values of type {dtype}, not intensities: {fix}.")
