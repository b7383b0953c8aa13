"""Stacks of a point's images through focus: their planes, their size, and how they come from fine images.

Planes follow the stage: plane after plane the focus moves away from the objective, so that the emitter's defocus falls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.psf import (
    Kernel,
    bin_sum,
    gaussian_axial_sigma_um,
    gaussian_psf,
    gaussian_sigma_um,
    normalised,
)
from napari_restoration.degradations.pupil import check_optics

_LARGEST_STACK = 60_000_000


def gaussian_psf_stack(
    na: float, index: float, wavelength_um: float, pixel_size_um: float, z_step_um: float, half_planes: int, *,
    half_width_px: int, integrate: bool = True,
) -> Kernel:  # fmt: skip
    """Gaussian stand-in for a widefield stack: `psf.gaussian_sigma_um` across, `psf.gaussian_axial_sigma_um` along z.

    Returns
    -------
    ndarray
        Shape ``(2 * half_planes + 1, 2 * half + 1, 2 * half + 1)``, unit sum.
    """
    check_optics(na, index)
    along = gaussian_axial_sigma_um(na, index, wavelength_um) / z_step_um
    across = gaussian_sigma_um(na, wavelength_um) / pixel_size_um
    # A plane of a stack is a sample, not an integral, along z.
    axial = gaussian_psf(along, half_planes, integrate=False, ndim=1)
    return normalised(np.multiply.outer(axial, gaussian_psf(across, half_width_px, integrate=integrate)))


def default_half_depth_um(na: float, index: float, wavelength_um: float) -> float:
    """Half the depth of a stack unless told: twice the distance to the first dark point on the axis."""
    return 4.0 * index * wavelength_um / na**2


def defoci_um(z_step_um: float, half_planes: int) -> list[float]:
    """Defocus of an emitter in the middle plane, for each plane of a stack: it falls from plane to plane."""
    return [-z_step_um * plane for plane in range(-half_planes, half_planes + 1)]


def stacked(planes: Iterable[Kernel], half_planes: int, half_width: int) -> Kernel:
    """Collect planes as they come.

    Parameters
    ----------
    planes
        ``2 * half_planes + 1`` of shape ``(2 * half_width + 1, 2 * half_width + 1)``.

    Returns
    -------
    ndarray
        Shape ``(planes, Y, X)``, unit sum.

    Raises
    ------
    InputError
        If the stack would not fit into memory; no plane is made then.
    """
    shape = (2 * half_planes + 1, 2 * half_width + 1, 2 * half_width + 1)
    if math.prod(shape) > _LARGEST_STACK:
        raise InputError(
            f"The PSF would hold {shape[0]} planes of {shape[1]} x {shape[2]} pixels; "
            "give it a smaller half depth, or use a larger z step."
        )
    stack = np.empty(shape)
    for plane, image in zip(stack, planes, strict=True):
        plane[...] = image
    return normalised(stack)


def through_focus(
    draw: Callable[[float], Kernel], defocus_um: Sequence[float], *, mirrored: bool
) -> Iterator[Kernel]:
    """Draw a kernel for each defocus; if those above and below focus look the same, once for both."""
    known: dict[float, Kernel] = {}
    for z in defocus_um:
        if mirrored and -z in known:
            yield known.pop(-z)
        else:
            kernel = draw(z)
            if mirrored:
                known[z] = kernel
            yield kernel


def camera_pixels(image: Kernel, half: int, finer: int, integrate: bool) -> Kernel:
    """Cut a window from a fine periodic image and bring it to the camera's pixels.

    Parameters
    ----------
    image
        Shape ``(size, size)``, the point at ``[0, 0]``.
    half
        Camera pixels on each side of the middle.
    finer
        Fine samples along a camera pixel's side, odd.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``.
    """
    reach = half * finer + (finer // 2 if integrate else 0)
    window = np.arange(-reach, reach + 1, 1 if integrate else finer)
    fine = image[window[:, None], window[None, :]]
    return bin_sum(fine, finer) if integrate else fine
