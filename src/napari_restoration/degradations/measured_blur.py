"""Blur by a PSF measured with beads, as a step of a forward model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.io import read_image
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.convolution import Boundary
from napari_restoration.degradations.measured import measured_psf
from napari_restoration.degradations.optical_step import (
    Kernel,
    OpticalStep,
    boundary_quantity,
    defocus_quantity,
    pixel_size_quantity,
    refuse_defocused_volume,
    z_step_quantity,
)


@dataclass(frozen=True, kw_only=True)
class MeasuredBlur(OpticalStep):
    """Blur by the PSF that an image of beads shows.

    The PSF is as wide, in micrometres, as in the beads' image. Its pixels' area is part of it.

    Attributes
    ----------
    path
        Image of beads or of a PSF, with the axes YX or ZYX.
    bead_pixel_size_um, bead_z_step_um
        Its pixel size and z step; ``None`` for what the file states.
    pixel_size_um, z_step_um
        Of the image that is blurred; without a z step, each plane is blurred by the plane of the PSF at ``defocus_um``.
    average
        Use all beads that are single, whole and about as bright as the brightest, not that alone.
    sha256
        Of the file's bytes, written by `realise` so that a record tells which PSF was used; empty for any. A file
        that has changed since is refused.
    """

    kind: ClassVar[str] = "measured_psf"
    title: ClassVar[str] = "Measured PSF"

    path: str = quantity(
        "", "file with beads", form="file",
        help="Image of separate beads smaller than the resolution, in one plane or as a stack through focus.",
    )  # fmt: skip
    bead_pixel_size_um: float | None = quantity(
        None, "pixel size of the beads' image", "um", low=1e-4, high=100.0, none_means="as the file states",
        help="Side of a pixel of the beads' image in the specimen.", if_too_high="Nanometres? 65 nm are 0.065 um.",
    )  # fmt: skip
    bead_z_step_um: float | None = quantity(
        None, "z step of the beads' image", "um", low=1e-3, high=1e3, none_means="as the file states",
        help="Distance of the planes of the beads' image.",
    )  # fmt: skip
    pixel_size_um: float = pixel_size_quantity(0.1)
    z_step_um: float | None = z_step_quantity()
    defocus_um: float = defocus_quantity()
    average: bool = quantity(
        True, "average several beads", form="switch", advanced=True,
        help="The mean of several beads has less noise; leave it out to use the brightest alone.",
    )  # fmt: skip
    boundary: Boundary = boundary_quantity()  # noqa: RUF009
    sha256: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_defocused_volume(self.defocus_um, self.z_step_um)

    def kernel(self) -> Kernel:
        """Return the PSF: shape ``(h, w)``, or ``(d, h, w)`` with a z step; odd lengths, unit sum, read-only.

        Raises
        ------
        InputError
            If the file cannot be read, has changed since the step was recorded, lacks a pixel size, or holds no
            usable bead.
        """
        return _kernel_of(self, self._state())

    def make_kernel(self) -> Kernel:
        """Read the file and compute the PSF."""
        beads, sizes = self._beads()
        steps = (self.pixel_size_um, self.pixel_size_um)
        if self.z_step_um is not None:
            return measured_psf(beads, sizes, (self.z_step_um, *steps), average=self.average)
        # One plane of beads is in focus, and nothing is known of others.
        defocus_um = self.defocus_um if beads.ndim == 3 else None
        return measured_psf(beads, sizes, steps, defocus_um=defocus_um, average=self.average)

    def reach_px(self) -> tuple[int, ...]:
        """Half widths of the kernel along (Y, X), or (Z, Y, X) with a z step; the file is read for them."""
        return tuple(length // 2 for length in self.kernel().shape)

    def realise(self, rng: np.random.Generator) -> Self:
        """Return the step with the hash of its file; nothing is drawn."""
        return replace(self, sha256=_sha256(*self._state()))

    def _state(self) -> tuple[str, int, int]:
        """What changes with the file: its path, time and size."""
        if not self.path:
            raise InputError("The file with beads is not chosen yet; choose an image of beads.")
        path = Path(self.path).expanduser()
        try:
            found = path.stat()
        except OSError as error:
            raise InputError(f"The file with beads {self.path} cannot be read ({error.strerror}).") from error
        if not path.is_file():
            raise InputError(f"The file with beads {self.path} is a folder; choose a TIFF file.")
        state = (str(path), found.st_mtime_ns, found.st_size)
        if self.sha256 and _sha256(*state) != self.sha256:
            raise InputError(
                f"The file with beads {self.path} has changed since this step was recorded; choose the old one again, "
                "or make the step anew."
            )
        return state

    def _beads(self) -> tuple[NDArray[Any], tuple[float, ...]]:
        """Pixels along (Z,) Y, X and their sizes in um."""
        image = read_image(Path(self.path).expanduser(), lazy=False)
        lengths = {axis: length for axis, length in zip(image.axes, image.shape, strict=True) if length > 1}
        axes = "".join(lengths)
        if axes not in ("YX", "ZYX"):
            raise InputError(
                f"The file with beads {self.path} has the axes {image.axes}, but must be one plane (YX) or a stack "
                "(ZYX) of one colour; save it so."
            )
        if axes == "YX" and (self.z_step_um is not None or self.defocus_um != 0):
            raise InputError(
                f"The file with beads {self.path} is a single plane: a z step or a defocus needs a stack through focus."
            )
        given = {"Z": self.bead_z_step_um, "Y": self.bead_pixel_size_um, "X": self.bead_pixel_size_um}
        sizes = {axis: given[axis] or image.pixel_size_um.get(axis) for axis in axes}
        # A plane in focus is the same whatever the distance to its neighbours.
        if "Z" in sizes and self.z_step_um is None and self.defocus_um == 0:
            sizes["Z"] = sizes["Z"] or 1.0
        for axis, size in sizes.items():
            if size is None:
                what = "z step" if axis == "Z" else "pixel size"
                raise InputError(
                    f"The file with beads {self.path} states no {what}; give the {what} of the beads' image."
                )
        values = np.asarray(image.data).reshape(tuple(lengths.values()))
        return values, tuple(float(size) for size in sizes.values() if size is not None)


@lru_cache(maxsize=8)
def _kernel_of(step: MeasuredBlur, state: tuple[str, int, int]) -> Kernel:
    kernel = step.make_kernel()
    kernel.setflags(write=False)
    return kernel


@lru_cache(maxsize=8)
def _sha256(path: str, time_ns: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
