"""What every writer of planes has in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import OutputError
from napari_restoration.core.image import CalibratedImage

ProvenanceSource = Callable[[], Mapping[str, Any] | None]


class PlaneStore(Protocol):
    """A file being made, into which planes are put at their place."""

    notices: list[str]

    def put(self, index: int, plane: npt.NDArray[Any]) -> None:
        """Write plane number `index` in the order of the file."""

    def finish(self, provenance: Mapping[str, Any] | None) -> None:
        """Complete the file."""

    def close(self) -> None:
        """Let go of the file; called always, also after an error."""


class Layout:
    """How the axes of an image are laid out as planes.

    Parameters
    ----------
    shape : tuple of int
        Of the image, in the order of `axes`.
    axes : str
        The image's axes; planes are its Y and X, and S behind them.
    stored_order : str
        The order in which the format keeps the leading axes, such as ``"TZC"``; ``""`` for the image's own.

    Attributes
    ----------
    leading, stored : str
        The leading axes in the order in which planes arrive, and in that of the file.
    stored_axes : str
        Axes of the file, planes included.
    stored_shape : tuple of int
        Shape of the file.
    """

    def __init__(self, shape: Sequence[int], axes: str, stored_order: str = "") -> None:
        self.sizes = dict(zip(axes, (int(n) for n in shape), strict=True))
        self.plane_axes = "YXS" if "S" in axes else "YX"
        self.leading = "".join(letter for letter in axes if letter not in self.plane_axes)
        self.stored = "".join(letter for letter in stored_order or self.leading if letter in self.leading)
        self.stored_axes = self.stored + self.plane_axes
        self.stored_shape = tuple(self.sizes[letter] for letter in self.stored_axes)
        self.plane_shape = tuple(self.sizes[letter] for letter in self.plane_axes)
        self.count = math.prod(self.sizes[letter] for letter in self.leading)

    def stored_index(self, index: int) -> int:
        """Number in the file of the plane that arrives as number `index`."""
        if not self.leading:
            return 0
        position = np.unravel_index(index, tuple(self.sizes[letter] for letter in self.leading))
        by_letter = dict(zip(self.leading, position, strict=True))
        stored = tuple(int(by_letter[letter]) for letter in self.stored)
        return int(np.ravel_multi_index(stored, tuple(self.sizes[letter] for letter in self.stored)))


class PlaneWriter:
    """Takes the planes of an image one after the other.

    Attributes
    ----------
    notices : list of str
        What the user should know of the format chosen.
    axes, shape
        In the order of the file, which may prescribe another one than that in which planes arrive.
    """

    def __init__(self, store: PlaneStore, layout: Layout, dtype: np.dtype[Any], name: str) -> None:
        self._store = store
        self._layout = layout
        self._dtype = dtype
        self._name = name
        self._written = 0
        self.axes = layout.stored_axes
        self.shape = layout.stored_shape

    @property
    def notices(self) -> list[str]:
        """What the user should know of the format chosen."""
        return self._store.notices

    def write(self, plane: npt.NDArray[Any]) -> None:
        """Write the next plane.

        Parameters
        ----------
        plane : array, (Y, X) or (Y, X, S)
            In C order of the image's leading axes.

        Raises
        ------
        OutputError
            If the disk refuses it.
        ValueError
            If its shape or dtype is not what was announced, or all planes have been written.
        """
        if self._written >= self._layout.count:
            raise ValueError(f"all {self._layout.count} planes of {self._name} have been written")
        if plane.shape != self._layout.plane_shape or plane.dtype.newbyteorder("=") != self._dtype:
            raise ValueError(
                f"a plane of {self._name} is {self._dtype} of shape {self._layout.plane_shape}, "
                f"not {plane.dtype} of {plane.shape}"
            )
        try:
            self._store.put(self._layout.stored_index(self._written), plane)
        except OSError as error:
            raise OutputError(f"{self._name} could not be written: {error.strerror or error}.") from error
        self._written += 1

    def finish(self, provenance: ProvenanceSource | None) -> None:
        """Complete the file; called by the context that made the writer."""
        if self._written != self._layout.count:
            raise ValueError(
                f"{self._written} of {self._layout.count} planes of {self._name} have been written"
            )
        try:
            self._store.finish(provenance() if provenance is not None else None)
        except OSError as error:
            raise OutputError(f"{self._name} could not be written: {error.strerror or error}.") from error


def calibration_record(image: CalibratedImage, axes: str) -> dict[str, Any]:
    """The calibration as plain values, for formats that keep it as JSON."""
    record: dict[str, Any] = {"axes": axes, "display_unit": image.display_unit}
    if image.pixel_size_um:
        record["pixel_size_um"] = {axis: float(size) for axis, size in image.pixel_size_um.items()}
    if image.origin_um:
        record["origin_um"] = {axis: float(position) for axis, position in image.origin_um.items()}
    if image.time_interval_s is not None:
        record["time_interval_s"] = float(image.time_interval_s)
    channels = image.metadata.get("channels")
    if channels:
        record["channels"] = [str(channel) for channel in channels]
    return record
