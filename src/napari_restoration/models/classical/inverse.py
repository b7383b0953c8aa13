"""Deblurring in the frequency domain: the Wiener filter and sparse gradients. Both see the whole plane at once."""

from __future__ import annotations

import numpy as np
from scipy import fft

from napari_restoration.models.classical.kernels import Plane
from napari_restoration.models.classical.richardson_lucy import Spectrum

_LAST_BETA = 1e5


def wiener(plane: Plane, kernel: Plane, balance: float) -> Plane:
    """Undo a blur, except where noise would take over: ``conj(H) / (|H|^2 + balance |L|^2)``, L the Laplacian.

    Parameters
    ----------
    plane
        Shape ``(Y, X)``.
    kernel
        The blur, odd sides, unit sum.
    balance
        Weight of smoothness against sharpness.
    """
    extended, keep = _extended(plane, kernel)
    blur = _transfer(kernel, extended.shape)
    laplacian = _transfer(np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32), extended.shape)
    spectrum = fft.rfft2(extended) * blur.conj()
    spectrum /= _power(blur) + np.float32(balance) * _power(laplacian)
    return np.asarray(fft.irfft2(spectrum, extended.shape)[keep])


def l0_gradient(plane: Plane, kernel: Plane, weight: float) -> Plane:
    """Find the image with few edges that, blurred, gives the plane: ``min |h * x - y|^2 + weight |grad x|_0``.

    By half-quadratic splitting (L. Xu et al., ACM Transactions on Graphics 30 (2011) 174): gradients below
    ``sqrt(weight / beta)`` are set to zero, then the image is fitted to plane and gradients, for beta from twice
    the weight to 1e5 in steps of 2.

    Parameters
    ----------
    plane
        Shape ``(Y, X)``, intensities of about 0 to 1.
    kernel
        The blur, odd sides, unit sum.
    weight
        Price of an edge; 4e-3 is usual.
    """
    extended, keep = _extended(plane, kernel)
    shape = extended.shape
    blur = _transfer(kernel, shape)
    # Forward differences, wrapped around.
    ahead = (np.array([[1], [-1], [0]], np.float32), np.array([[1, -1, 0]], np.float32))
    down, right = (_transfer(difference, shape) for difference in ahead)
    data, known = fft.rfft2(extended) * blur.conj(), _power(blur)
    slopes = _power(down) + _power(right)
    image: Plane = extended
    beta = 2 * weight
    while beta < _LAST_BETA:
        along = [np.roll(image, -1, axis) - image for axis in (0, 1)]
        flat = along[0] ** 2 + along[1] ** 2 < weight / beta
        for gradient in along:
            gradient[flat] = 0
        edges = fft.rfft2(along[0]) * down.conj() + fft.rfft2(along[1]) * right.conj()
        factor = np.float32(beta)
        image = fft.irfft2((data + factor * edges) / (known + factor * slopes), shape)
        beta *= 2
    return np.asarray(image[keep])


def _extended(plane: Plane, kernel: Plane) -> tuple[Plane, tuple[slice, ...]]:
    """The plane with a border that leads smoothly from each side to the opposite one, and where the plane lies."""
    extended: Plane = np.asarray(plane, np.float32)
    keep = []
    for axis, length in enumerate(plane.shape):
        margin = 2 * kernel.shape[axis] + 16
        longer = fft.next_fast_len(length + 2 * margin, real=True)
        before, after = margin, longer - length - margin
        widths = [(0, 0)] * plane.ndim
        widths[axis] = (before, after)
        mirrored = np.pad(extended, widths, mode="symmetric")
        opposite = np.pad(extended, widths, mode="wrap")
        # Half and half at both ends, which then are neighbours of equal value.
        share = np.ones(longer, np.float32)
        share[:before] = np.linspace(0.5, 1, before, dtype=np.float32)
        share[longer - after :] = np.linspace(1, 0.5, after, dtype=np.float32)
        share = share.reshape([-1 if a == axis else 1 for a in range(plane.ndim)])
        extended = np.asarray(share * mirrored + (1 - share) * opposite)
        keep.append(slice(before, before + length))
    return extended, tuple(keep)


def _transfer(kernel: Plane, shape: tuple[int, ...]) -> Spectrum:
    """Spectrum of a kernel whose middle lies at the origin."""
    placed = np.zeros(shape, np.float32)
    placed[tuple(slice(0, side) for side in kernel.shape)] = kernel
    middle = [-(side // 2) for side in kernel.shape]
    return np.asarray(fft.rfft2(np.roll(placed, middle, (0, 1))))


def _power(spectrum: Spectrum) -> Plane:
    return np.asarray(spectrum.real**2 + spectrum.imag**2)
