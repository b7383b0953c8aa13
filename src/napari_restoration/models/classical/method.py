"""What every classical method is: named parameters with limits, a reach, and a function of one plane.

Models are listed without numpy; what computes is imported when a method runs.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from napari_restoration.core.quantity import check_quantities, quantity

if TYPE_CHECKING:
    from napari_restoration.models.classical.kernels import Kernel, Plane

Psf = Literal["gaussian", "microscope", "line"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A classical method with its parameters; each field is a `core.quantity`.

    Planes come normalised, as the method's card says; with the normaliser ``"noise"`` one standard deviation of the
    noise is 1.
    """

    normalizer: ClassVar[str] = "percentile"
    percentiles: ClassVar[tuple[float, float]] = (0.1, 99.9)
    whole_image: ClassVar[bool] = False
    frames: ClassVar[int | None] = None
    scale: ClassVar[int] = 1
    bytes_a_pixel: ClassVar[int] = 40
    shown_for: ClassVar[Mapping[str, tuple[str, Any]]] = {}
    """Parameters that mean something only where another one has a value."""

    def __post_init__(self) -> None:
        check_quantities(self)

    def values(self) -> dict[str, Any]:
        """The parameters as plain values."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def own_sigma_px(self) -> float | None:
        """Width of the Gaussian blur that the parameters describe, 0 for none; None if it is another blur."""
        return 0.0

    @abstractmethod
    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """Halo, half receptive field, and the seam error where the halo is smaller.

        Parameters
        ----------
        width_px
            Standard deviation of the blur that is undone.
        half_px
            Pixels of its kernel on each side of the middle.
        """

    @abstractmethod
    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Restore one normalised plane ``(Y, X)``, of a burst the mean of its frames.

        Returns
        -------
        ndarray
            Shape ``(Y * scale, X * scale)``.
        """


@dataclass(frozen=True, kw_only=True)
class AgainstNoise(Method):
    """Removes noise whose strength is measured, so that the same parameters serve dim and bright images."""

    normalizer: ClassVar[str] = "noise"
    percentiles: ClassVar[tuple[float, float]] = (2.0, 99.8)

    noise: float | None = quantity(
        None, "noise", "grey levels", low=1e-9, high=1e12, none_means="measured on the image", logarithmic=True,
        help="Standard deviation of the noise; white noise is measured well, that of JPEG files is underestimated.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OfMicroscope(Method):
    """Undoes a blur that is a Gaussian, or that of a microscope out of focus."""

    shown_for: ClassVar[Mapping[str, tuple[str, Any]]] = {
        "sigma_px": ("psf", "gaussian"),
        **dict.fromkeys(
            ("na", "index", "wavelength_um", "pixel_size_um", "defocus_um"), ("psf", "microscope")
        ),
    }

    psf: Psf = quantity(  # noqa: RUF009
        "gaussian", "blur", choices={"gaussian": "Gaussian", "microscope": "Microscope"},
        help="How a point is blurred: a Gaussian of a width in pixels, or the image of a point through an objective.",
    )  # fmt: skip
    sigma_px: float = quantity(
        1.5, "width of the blur", "px", low=0.0, high=50.0,
        help="Standard deviation of the Gaussian; the full width at half maximum is 2.35 times this.",
    )  # fmt: skip
    na: float = quantity(
        0.75, "numerical aperture", low=0.01, high=1.99, help="The NA engraved on the objective."
    )
    index: float = quantity(
        1.0, "immersion index", low=1.0, high=2.0,
        help="Refractive index between objective and coverslip: air 1.0, water 1.33, glycerol 1.47, oil 1.518.",
    )  # fmt: skip
    wavelength_um: float = quantity(
        0.52, "emission wavelength", "um", low=0.1, high=2.0, if_too_high="Nanometres? 520 nm are 0.52 um.",
        help="Colour of the light in vacuum; green fluorescence is near 0.52 um.",
    )  # fmt: skip
    pixel_size_um: float | None = quantity(
        None, "pixel size", "um", low=1e-4, high=100.0, none_means="the image's own", logarithmic=True,
        if_too_high="Nanometres? 65 nm are 0.065 um.",
        help="Side of a pixel in the specimen, where the image does not tell it or tells it wrong.",
    )  # fmt: skip
    defocus_um: float = quantity(
        1.0, "defocus", "um", low=-100.0, high=100.0,
        help="Distance of the object from the plane in focus; 0 undoes the blur of the objective alone.",
    )  # fmt: skip

    def own_sigma_px(self) -> float | None:
        """Width of the Gaussian; a microscope's blur is made from the image's pixel size."""
        return self.sigma_px if self.psf == "gaussian" else None


@dataclass(frozen=True, kw_only=True)
class OfMotion(Method):
    """Undoes a blur along a line, or a Gaussian one, on the mean of a burst's aligned frames."""

    frames: ClassVar[int | None] = 5
    shown_for: ClassVar[Mapping[str, tuple[str, Any]]] = {
        "sigma_px": ("psf", "gaussian"),
        **dict.fromkeys(("length_px", "angle_rad"), ("psf", "line")),
    }

    psf: Psf = quantity(  # noqa: RUF009
        "gaussian", "blur", choices={"gaussian": "Gaussian", "line": "Straight motion"},
        help="How a point is blurred: many small shakes add up to a Gaussian, one steady motion to a line.",
    )  # fmt: skip
    sigma_px: float = quantity(
        1.5, "width of the blur", "px", low=0.0, high=50.0,
        help="Standard deviation of the Gaussian; the full width at half maximum is 2.35 times this.",
    )  # fmt: skip
    length_px: float = quantity(
        8.0, "length of the motion", "px", low=0.0, high=200.0,
        help="How far a point moved during one exposure. Diagnose measures it.",
    )  # fmt: skip
    angle_rad: float = quantity(
        0.0, "direction", "rad", low=-2 * math.pi, high=2 * math.pi,
        help="Direction of the motion: 0 is along X, a quarter turn is down.",
    )  # fmt: skip

    def own_sigma_px(self) -> float | None:
        """Width of the Gaussian; a line is drawn from its path."""
        return self.sigma_px if self.psf == "gaussian" else None
