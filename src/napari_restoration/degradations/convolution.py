"""Convolution with odd kernels by the fast Fourier transform."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_restoration.degradations.base import Float

Boundary = Literal["reflect", "circular"]


def convolve(image: Float, kernel: Float, boundary: Boundary = "reflect") -> Float:
    """Convolve the last axes of an image with one kernel.

    Parameters
    ----------
    image
        Shape ``(..., Y, X)``, or ``(..., Z, Y, X)`` for a kernel with three axes.
    kernel
        Odd lengths, shape ``(h, w)`` or ``(d, h, w)``; its middle element is the origin.
    boundary
        ``"reflect"`` mirrors the image about its border pixels, so that a constant stays constant;
        ``"circular"`` wraps around, so that the sum is kept.

    Returns
    -------
    ndarray
        Same shape; float64 for float64 images, else float32.

    Raises
    ------
    ValueError
        If a kernel length is even, or the kernel has more axes than the image.
    """
    _require_odd(kernel.shape)
    if kernel.ndim > image.ndim:
        raise ValueError(
            f"A kernel with {kernel.ndim} axes needs an image with at least as many, not {image.ndim}."
        )
    image = _as_float(image)
    if kernel.size == 1:
        return image * image.dtype.type(kernel.reshape(())[()])
    return _convolve(image, kernel, kernel.ndim, _no_ramp, boundary, margin=0)


def convolve_frames(
    image: Float,
    kernels: Float,
    displacements_px: NDArray[np.floating[Any]] | None = None,
    boundary: Boundary = "reflect",
) -> Float:
    """Convolve one image with several kernels: one frame for each.

    Parameters
    ----------
    image
        Shape ``(..., Y, X)``, well sampled if displacements are given.
    kernels
        Shape ``(T, h, w)`` with odd ``h`` and ``w``.
    displacements_px
        Shape ``(T, 2)``, by how much (y, x) each frame is moved, in pixels; exact for
        well-sampled images.

    Returns
    -------
    ndarray
        Shape ``(T, ..., Y, X)``.
    """
    _require_odd(kernels.shape[1:])
    image = _as_float(image)
    frames = kernels.shape[0]
    between = (1,) * (image.ndim - 2)
    stacked = kernels.reshape((frames, *between, *kernels.shape[1:]))
    if displacements_px is None:
        return _convolve(image[None], stacked, 2, _no_ramp, boundary, margin=0)
    moves = np.asarray(displacements_px, dtype=float).reshape((frames, *between, 2))
    margin = int(np.ceil(np.abs(moves).max(initial=0.0)))

    def ramp(lengths: tuple[int, ...]) -> NDArray[np.complexfloating[Any, Any]]:
        along_y = fft.fftfreq(lengths[0])[:, None] * moves[..., 0, None, None]
        along_x = fft.rfftfreq(lengths[1])[None, :] * moves[..., 1, None, None]
        return np.asarray(np.exp(-2j * np.pi * (along_y + along_x)))

    return _convolve(image[None], stacked, 2, ramp, boundary, margin)


def _convolve(
    image: Float, kernel: Float, axes_count: int, ramp: Any, boundary: Boundary, margin: int
) -> Float:
    axes = tuple(range(-axes_count, 0))
    halves = tuple(length // 2 for length in kernel.shape[-axes_count:])
    size = image.shape[-axes_count:]
    if boundary == "circular":
        # A kernel wider than the image wraps around it more than once, so it is folded first.
        lengths = size
        spectrum = fft.rfftn(_fold(kernel, halves, size).astype(image.dtype), axes=axes)
        result = fft.irfftn(fft.rfftn(image, axes=axes) * spectrum * ramp(lengths), s=lengths, axes=axes)
        return np.asarray(result, dtype=image.dtype)
    pads = tuple(half + margin for half in halves)
    padded = np.pad(
        image, [(0, 0)] * (image.ndim - axes_count) + [(pad, pad) for pad in pads], mode="reflect"
    )
    lengths = tuple(fft.next_fast_len(length, real=True) for length in padded.shape[-axes_count:])
    spectrum = fft.rfftn(padded, s=lengths, axes=axes)
    spectrum = spectrum * fft.rfftn(kernel.astype(image.dtype), s=lengths, axes=axes) * ramp(lengths)
    result = fft.irfftn(spectrum, s=lengths, axes=axes)
    # The kernel's origin sits at its middle, so the result is delayed by half a kernel.
    keep = tuple(slice(pad + half, pad + half + n) for pad, half, n in zip(pads, halves, size, strict=True))
    return np.ascontiguousarray(result[(..., *keep)], dtype=image.dtype)


def _no_ramp(lengths: tuple[int, ...]) -> Any:
    return np.float32(1.0)


def _fold(kernel: Float, halves: tuple[int, ...], size: tuple[int, ...]) -> Float:
    folded = np.zeros(kernel.shape[: -len(size)] + size, dtype=kernel.dtype)
    places = np.ix_(*[(np.arange(2 * half + 1) - half) % n for half, n in zip(halves, size, strict=True)])
    leading = kernel.shape[: -len(size)]
    for index in np.ndindex(*leading):
        np.add.at(folded[index], places, kernel[index])
    return folded


def _as_float(image: Float) -> Float:
    return image if image.dtype == np.float64 else np.asarray(image, dtype=np.float32)


def _require_odd(lengths: tuple[int, ...]) -> None:
    if any(length % 2 == 0 for length in lengths):
        raise ValueError(f"A kernel needs odd lengths so that it has a middle, not {lengths}.")
