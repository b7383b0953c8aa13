"""Richardson-Lucy deconvolution of one or several frames, also on a finer grid.

Sources: W. H. Richardson, JOSA 62 (1972) 55; L. B. Lucy, Astronomical Journal 79 (1974) 745; with total variation
N. Dey et al., Microscopy Research and Technique 69 (2006) 260.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_restoration.models.classical.kernels import Plane

Spectrum: TypeAlias = npt.NDArray[np.complexfloating[Any, Any]]

# Slopes much below this many weights of the total variation are smoothed in proportion. With less, each iteration
# would overshoot in flat places, and rounding errors would grow until tiles no longer fit together.
_FLAT = 16.0


class RichardsonLucy:
    """A deconvolution that goes on from its last iteration.

    Parameters
    ----------
    frames : ndarray of shape (T, Y, X)
        Measurements of one object.
    kernels : ndarray of shape (T, y, x)
        The blur of each frame, odd sides, unit sum, on the object's grid.
    offset : float
        What the camera adds to every pixel.
    extra : float
        A constant that the measurement holds besides the blurred object, for read noise.
    factor : int
        The object is sought on a grid that much finer: a pixel of a frame is the mean over
        ``factor`` x ``factor`` of its pixels.
    floor : float, optional
        Least intensity of the first estimate, above the offset; a thousandth of the frames' mean if not given. Tiles
        of one image need one floor.
    variation : float
        Weight of the total variation, for intensities of about 0 to 1: the larger, the fewer ripples of noise. 0
        leaves it out; at most 0.05, so that edges still count for more than slopes.
    """

    def __init__(
        self,
        frames: Plane,
        kernels: Plane,
        *,
        offset: float = 0.0,
        extra: float = 0.0,
        factor: int = 1,
        floor: float | None = None,
        variation: float = 0.0,
    ) -> None:
        # A mirrored border of the kernels' width keeps the image's border from ringing.
        margin = [-(-(side // 2) // factor) for side in kernels.shape[1:]]
        sizes = zip(margin, frames.shape[1:], strict=True)
        self._keep = tuple(slice(m * factor, (m + side) * factor) for m, side in sizes)
        data = np.pad(frames - offset + extra, [(0, 0), *((m, m) for m in margin)], mode="symmetric")
        self._data = np.maximum(data, 0).astype(np.float32)
        rows, columns = (side * factor for side in self._data.shape[1:])
        self._blurs = [_Convolution(kernel, rows, columns) for kernel in kernels]
        self._offset, self._extra, self._factor = offset, extra, factor
        self._small = 1e-6 * max(float(self._data.mean()), 1e-12) if floor is None else 1e-3 * floor
        self._variation = variation
        self._estimate = _repeated(np.maximum(self._data.mean(0) - extra, 1e3 * self._small), factor)
        self._iterations = 0
        self._known: dict[int, Plane] = {}

    def after(self, iterations: int) -> Plane:
        """The object (Y * factor, X * factor), offset included, after a number of iterations."""
        if iterations not in self._known:
            if iterations < self._iterations:
                raise ValueError(f"Iteration {iterations} has passed; ask for counts in rising order.")
            while self._iterations < iterations:
                self._iterate()
            self._known[iterations] = self._estimate[self._keep] + self._offset
        return self._known[iterations]

    def _iterate(self) -> None:
        correction = np.zeros_like(self._estimate)
        for frame, blur in zip(self._data, self._blurs, strict=True):
            expected = _binned(blur(self._estimate), self._factor) + np.float32(self._extra)
            ratio = frame / np.maximum(expected, np.float32(self._small))
            correction += blur.adjoint(_repeated(ratio, self._factor)) / len(self._data)
        if self._variation:
            flat = np.float32(_FLAT * self._variation)
            correction /= 1 - np.float32(self._variation) * _curvature(self._estimate, flat)
        self._estimate = np.maximum(self._estimate * correction, 0)
        self._iterations += 1


class _Convolution:
    """Convolution with a kernel on planes of one size, and its adjoint; border pixels are repeated outwards."""

    def __init__(self, kernel: Plane, rows: int, columns: int) -> None:
        self._width = kernel.shape[0] // 2, kernel.shape[1] // 2
        padded = rows + kernel.shape[0] - 1, columns + kernel.shape[1] - 1
        self._size = tuple(fft.next_fast_len(side, real=True) for side in padded)
        spectrum = fft.rfft2(np.asarray(kernel, dtype=np.float32), self._size)
        # Wrapped around, the kernel's first element sits at the origin: a shift by its width centres it.
        y, x = (fft.fftfreq(self._size[0]) * self._width[0], fft.rfftfreq(self._size[1]) * self._width[1])
        self._spectrum = (spectrum * np.exp(2j * np.pi * (y[:, None] + x))).astype(np.complex64)

    def __call__(self, plane: Plane) -> Plane:
        return self._apply(plane, self._spectrum)

    def adjoint(self, plane: Plane) -> Plane:
        return self._apply(plane, self._spectrum.conj())

    def _apply(self, plane: Plane, spectrum: Spectrum) -> Plane:
        (top, left), (rows, columns) = self._width, plane.shape
        padded = np.pad(plane, [(top, top), (left, left)], mode="edge")
        result = fft.irfft2(fft.rfft2(padded, self._size) * spectrum, self._size)
        return np.asarray(result[top : top + rows, left : left + columns])


def _curvature(plane: Plane, flat: np.float32) -> Plane:
    """Divergence of the gradient's direction, of which little is left where slopes are below `flat` of it."""
    down = np.diff(plane, axis=0, append=plane[-1:])
    right = np.diff(plane, axis=1, append=plane[:, -1:])
    length = np.sqrt(down**2 + right**2 + (flat * np.maximum(plane, np.float32(1))) ** 2)
    down /= length
    right /= length
    zero = np.float32(0)
    return np.asarray(np.diff(down, axis=0, prepend=zero) + np.diff(right, axis=1, prepend=zero))


def _repeated(plane: Plane, factor: int) -> Plane:
    return np.repeat(np.repeat(plane, factor, axis=0), factor, axis=1)


def _binned(plane: Plane, factor: int) -> Plane:
    rows, columns = plane.shape[0] // factor, plane.shape[1] // factor
    return np.asarray(plane.reshape(rows, factor, columns, factor).mean(axis=(1, 3)))
