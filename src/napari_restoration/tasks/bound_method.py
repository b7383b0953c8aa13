"""A classical method made ready for one image: its blur from optics or motion, its intensities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.normalize import Percentiles
from napari_restoration.models.classical.catalogue import method_with
from napari_restoration.models.classical.kernels import Kernel
from napari_restoration.models.classical.method import Method, OfMicroscope, OfMotion
from napari_restoration.models.classical.model import ClassicalModel
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari_restoration.tasks.block_input import StatisticsKey
    from napari_restoration.tasks.reader import BlockReader

# The noise of a stack is the median over this many planes, and of each this many pixels a side are looked at.
_NOISE_PLANES = 3
_NOISE_SIDE = 1024
# Noise below this share of the intensity range is that of a drawn image, and no measure for anything.
_LEAST_NOISE = 1e-4


def bind(model: ClassicalModel, image: CalibratedImage, settings: RestoreSettings) -> ClassicalModel:
    """Give a method the chosen parameters and the blur that they mean on an image.

    Raises
    ------
    InputError
        A parameter that does not fit, or an image without the pixel size that optics needs.
    """
    method = method_with(model.card, settings.parameters)
    assert method is not None  # the card is a method's
    kernel = None
    if method.own_sigma_px() is None:
        kernel = _motion_kernel(method) if isinstance(method, OfMotion) else _optical_kernel(method, image)
    bound = ClassicalModel(model.card.id, method, kernel)
    if settings.device not in ("auto", "cpu"):
        bound.notices.append(
            f"{model.card.title} has no network: it ran on the CPU, not on {settings.device}."
        )
    return bound


def pixel_size_um(method: OfMicroscope, image: CalibratedImage) -> float:
    """The pixel size for optics: the parameter, else the image's own.

    Raises
    ------
    InputError
        If neither is known, or those along Y and X differ.
    """
    if method.pixel_size_um is not None:
        return method.pixel_size_um
    sizes = [image.pixel_size_um.get(axis) for axis in "YX"]
    known = [size for size in sizes if size is not None]
    if not known:
        raise InputError(
            f"{image.name!r} has no pixel size, which the blur of a microscope needs: give the pixel size as a "
            "parameter, or choose the Gaussian blur."
        )
    if max(known) > 1.01 * min(known):
        raise InputError(
            f"The pixels of {image.name!r} are not square ({' x '.join(f'{size:g}' for size in known)} um): give the "
            "pixel size as a parameter, or choose the Gaussian blur."
        )
    return float(known[0])


def _optical_kernel(method: Method, image: CalibratedImage) -> Kernel:
    from napari_restoration.degradations.optics import OpticalBlur

    assert isinstance(method, OfMicroscope)
    # The pixel's area stays in: what is sought is the image that a camera takes without the blur.
    blur = OpticalBlur(
        na=method.na, index=method.index, wavelength_um=method.wavelength_um, defocus_um=method.defocus_um,
        pixel_size_um=pixel_size_um(method, image), integrate=False,
    )  # fmt: skip
    return np.asarray(blur.kernel(), np.float32)


def _motion_kernel(method: OfMotion) -> Kernel:
    from napari_restoration.degradations.motion import motion_kernel
    from napari_restoration.degradations.paths import linear_path

    return np.asarray(motion_kernel(linear_path(method.length_px, method.angle_rad)), np.float32)


def adapt(
    percentiles: Mapping[StatisticsKey, tuple[Percentiles, ...]],
    method: Method,
    reader: BlockReader,
    name: str,
) -> dict[StatisticsKey, tuple[Percentiles, ...]]:
    """Normalise as a method wants it: a given dark level becomes 0, or the noise's standard deviation 1.

    Raises
    ------
    InputError
        A dark level that is brighter than the image, or noise that cannot be measured.
    """
    return {
        key: tuple(
            _adapted(one, method, reader, (dict(key), channel), name) for channel, one in enumerate(entry)
        )
        for key, entry in percentiles.items()
    }


def _adapted(
    one: Percentiles, method: Method, reader: BlockReader, part: tuple[dict[str, int], int], name: str
) -> Percentiles:
    if not one.has_contrast:
        return one
    dark = getattr(method, "dark_level", None)
    if dark is not None:
        if not dark < one.high:
            raise InputError(
                f"The dark level is {dark:g}, but the brightest pixels of {name!r} lie at {one.high:g}: give less, or "
                "leave it out."
            )
        return replace(one, low=float(dark))
    if method.normalizer != "noise":
        return one
    given = getattr(method, "noise", None)
    span = one.high - one.low
    if given is None:
        # Of the normalised planes, so that squares of very large intensities are no problem.
        planes = (one.normalize(_middle(plane)) for plane in reader.sample_planes(*part, _NOISE_PLANES))
        given = _measured_noise(planes, name) * span
    return replace(one, high=one.low + max(given, _LEAST_NOISE * span))


def _measured_noise(planes: Iterable[npt.NDArray[Any]], name: str) -> float:
    from napari_restoration.degradations.estimates.noise import noise_sd

    found, problem = [], "there is no plane"
    for plane in planes:
        try:
            found.append(noise_sd(plane))
        except InputError as error:
            problem = str(error)
    found = [value for value in found if isfinite(value)]
    if not found:
        raise InputError(
            f"The noise of {name!r} cannot be measured ({problem.rstrip('.')}): give it as the parameter noise."
        )
    return float(np.median(found))


def _middle(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    start = [max(0, side - _NOISE_SIDE) // 2 for side in plane.shape]
    return plane[start[0] : start[0] + _NOISE_SIDE, start[1] : start[1] + _NOISE_SIDE]
