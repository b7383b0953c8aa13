"""A PSF from images of beads: centred to a part of a pixel, averaged and brought to the image's pixels.

A bead much smaller than the resolution shows the PSF itself; a larger one shows it widened by the bead. What noise
hides is left out: the kernel ends where a bead sinks into the background.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.beads import Bead, find_beads
from napari_restoration.degradations.psf import Kernel, normalised

_LARGEST_KERNEL = 60_000_000


def measured_psf(
    image: NDArray[Any],
    bead_pixel_um: Sequence[float],
    pixel_um: Sequence[float],
    *,
    defocus_um: float | None = None,
    average: bool = True,
) -> Kernel:
    """PSF kernel from an image of one or several beads.

    Parameters
    ----------
    image
        Shape ``(Z, Y, X)`` or ``(Y, X)``, any unit.
    bead_pixel_um
        Its pixel size along the same axes.
    pixel_um
        Pixel size of the image to be blurred along the kernel's axes; where it is larger than the beads', the kernel
        is averaged over the difference, as by a larger camera pixel.
    defocus_um
        Give a number to get one plane of a stack: that for an object so much farther from the objective than the plane
        in focus, with planes ordered as the focus moves away from the objective.
    average
        Use all beads that `beads.find_beads` gives, not the brightest alone.

    Returns
    -------
    ndarray
        Shape ``(d, h, w)``, or ``(h, w)`` for a plane; odd lengths, nothing negative, unit sum, the bead in the middle.

    Raises
    ------
    InputError
        If there is no usable bead, the defocus lies beyond its planes, or the kernel would be huge.
    """
    beads = find_beads(image) if average else find_beads(image)[:1]
    one_plane = image.ndim == 3 and defocus_um is not None
    # A single plane is a sample along z, not an average.
    steps = [float(bead_pixel_um[0]), *pixel_um] if one_plane else list(pixel_um)
    halves = _halves(beads, bead_pixel_um, steps)
    if one_plane:
        halves[0] = 0
    shape = [2 * half + 1 for half in halves]
    if math.prod(shape) > _LARGEST_KERNEL:
        raise InputError(
            f"The PSF would have {' x '.join(map(str, shape))} pixels: the image's pixels are much smaller than the "
            "beads'; check both pixel sizes."
        )
    total = np.zeros(shape)
    for bead in beads:
        centre = list(bead.centre)
        if one_plane and defocus_um is not None:
            centre[0] -= defocus_um / float(bead_pixel_um[0])
            if not 0 <= centre[0] <= bead.light.shape[0] - 1:
                raise InputError(
                    f"The defocus is {defocus_um:g} um, but the bead cannot be seen that far from focus; "
                    "use a smaller one."
                )
        total += _resampled(bead.light, centre, bead_pixel_um, steps, halves) / bead.light.sum()
    # Noise and the splines' overshoot leave small negative values where there is no light.
    kernel = np.maximum(total, 0.0)
    return normalised(kernel[0] if one_plane else kernel)


def _halves(beads: list[Bead], bead_pixel_um: Sequence[float], steps: Sequence[float]) -> list[int]:
    """Half widths, in the kernel's pixels, that hold what every bead shows above the noise."""
    halves = []
    for axis, (given, wanted) in enumerate(zip(bead_pixel_um, steps, strict=True)):
        reach = max(max(bead.centre[axis], bead.light.shape[axis] - 1 - bead.centre[axis]) for bead in beads)
        halves.append(math.ceil((reach + 0.5) * float(given) / wanted - 0.5))
    return halves


def _resampled(
    values: NDArray[np.float64],
    centre: Sequence[float],
    bead_pixel_um: Sequence[float],
    steps: Sequence[float],
    halves: Sequence[int],
) -> NDArray[np.float64]:
    """Sample at the kernel's pixels with the bead in the middle, by cubic splines along each axis.

    A kernel pixel larger than the bead's is an average over a box whose variance is the difference of the two pixels':
    what a camera with such pixels would have seen.
    """
    result = values
    for axis, (given, wanted, half) in enumerate(zip(bead_pixel_um, steps, halves, strict=True)):
        ratio = wanted / float(given)
        at = centre[axis] + np.arange(-half, half + 1) * ratio
        width = math.sqrt(max(ratio**2 - 1.0, 0.0))
        # Zeros around, so that the curve ends flat and places beyond hold nothing.
        padded = np.pad(result, [(3, 3) if i == axis else (0, 0) for i in range(values.ndim)])
        knots = np.arange(padded.shape[axis], dtype=float) - 3.0
        curve = interpolate.make_interp_spline(knots, padded, k=3, axis=axis)
        low, high = knots[0], knots[-1]
        if width > 1e-6:
            area = curve.antiderivative()
            upper, lower = (area(np.clip(at + side * width / 2.0, low, high)) for side in (1.0, -1.0))
            result = (upper - lower) / width
        else:
            # Both ends are zero, so that places beyond are too.
            result = curve(np.clip(at, low, high))
    return np.asarray(result)
