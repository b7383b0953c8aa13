"""Steps about amounts and pixels: photons, exposure and background, binning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from napari_restoration.degradations.base import Float, Step, require_range


def bin_sum(image: Float, factor: int) -> Float:
    """Sum blocks of ``factor`` x ``factor`` pixels, as a camera's binning does.

    Parameters
    ----------
    image
        Shape ``(..., Y, X)`` with Y and X multiples of ``factor``.

    Returns
    -------
    ndarray
        Shape ``(..., Y / factor, X / factor)``.

    Raises
    ------
    ValueError
        If the factor does not divide the plane.
    """
    rows, columns = image.shape[-2:]
    if factor < 1 or rows % factor or columns % factor:
        raise ValueError(
            f"An image of {rows} x {columns} pixels cannot be binned by {factor}: crop it to a multiple."
        )
    blocks = image.reshape(*image.shape[:-2], rows // factor, factor, columns // factor, factor)
    return np.asarray(blocks.sum(axis=(-3, -1), dtype=image.dtype))


def bin_mean(image: Float, factor: int) -> Float:
    """Average blocks of ``factor`` x ``factor`` pixels; see `bin_sum`."""
    return np.asarray(bin_sum(image, factor) / image.dtype.type(factor**2))


@dataclass(frozen=True, kw_only=True)
class ToPhotons(Step):
    """Read a good image's grey levels as photons: ``peak * (image - low) / (high - low)``, not below 0.

    Attributes
    ----------
    peak_photons
        Photons a pixel at ``high_value``.
    low_value, high_value
        Grey levels of no light and of the peak. Take them from the whole image, not from a patch.
    """

    kind: ClassVar[str] = "to_photons"
    stage: ClassVar[int] = 0

    peak_photons: float = 200.0
    low_value: float = 0.0
    high_value: float = 1.0

    def __post_init__(self) -> None:
        require_range("The peak in photons", self.peak_photons, 0.0, 1e9)
        if not self.high_value > self.low_value:
            raise ValueError(
                f"The peak's grey level, {self.high_value:g}, must be above {self.low_value:g}, the dark one."
            )

    def expectation(self, image: Float) -> Float:
        """Scale to photons; float32."""
        scale = np.float32(self.peak_photons / (self.high_value - self.low_value))
        above_dark = np.asarray(image, dtype=np.float32) - np.float32(self.low_value)
        return np.asarray(np.maximum(above_dark * scale, 0))

    def target(self, image: Float) -> Float:
        """Scale to photons like the input."""
        return self.expectation(image)


@dataclass(frozen=True, kw_only=True)
class Exposure(Step):
    """Multiply the light and add an even background: ``factor * image + background``.

    Attributes
    ----------
    factor
        Below 1 is under-exposed, above 1 over-exposed.
    background_photons
        Photons a pixel added everywhere.
    """

    kind: ClassVar[str] = "exposure"
    stage: ClassVar[int] = 1

    factor: float = 1.0
    background_photons: float = 0.0

    def __post_init__(self) -> None:
        require_range("The exposure factor", self.factor, 0.0, 1e6)
        require_range("The background in photons", self.background_photons, 0.0, 1e9)

    def expectation(self, image: Float) -> Float:
        """Apply factor and background."""
        return np.asarray(image * image.dtype.type(self.factor) + image.dtype.type(self.background_photons))

    def target(self, image: Float) -> Float:
        """Apply factor and background like the input's."""
        return self.expectation(image)


@dataclass(frozen=True, kw_only=True)
class Binning(Step):
    """Join blocks of pixels into one.

    Attributes
    ----------
    factor
        Side of a block in pixels.
    mode
        ``"sum"`` collects the light of the block, ``"mean"`` averages it.
    target_grid
        ``"fine"``: the target keeps the fine grid (super-resolution), in the units of the binned
        image. ``"binned"``: the target is binned too.
    """

    kind: ClassVar[str] = "binning"
    stage: ClassVar[int] = 4

    factor: int = 2
    mode: Literal["sum", "mean"] = "sum"
    target_grid: Literal["fine", "binned"] = "fine"

    def __post_init__(self) -> None:
        require_range("The binning factor", self.factor, 1, 64)
        if self.mode not in ("sum", "mean"):
            raise ValueError(f"The binning mode is {self.mode!r}, but must be 'sum' or 'mean'.")
        if self.target_grid not in ("fine", "binned"):
            raise ValueError(f"The target grid is {self.target_grid!r}, but must be 'fine' or 'binned'.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape with Y and X divided by the factor."""
        return (*shape[:-2], shape[-2] // self.factor, shape[-1] // self.factor)

    def expectation(self, image: Float) -> Float:
        """Bin the image."""
        return bin_sum(image, self.factor) if self.mode == "sum" else bin_mean(image, self.factor)

    def target(self, image: Float) -> Float:
        """Bring the target to the binned image's units, and onto its grid if wanted."""
        if self.target_grid == "binned":
            return self.expectation(image)
        return image * image.dtype.type(self.factor**2) if self.mode == "sum" else image
