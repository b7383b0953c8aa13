"""Steps about amounts and pixels: photons, exposure and background, binning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.normalize import Percentiles, measure
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.base import Float, Step

LEVELS_PERCENT = (0.5, 99.9)
"""Percentiles that are read as no light and as the peak."""


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
    InputError
        If the factor does not divide the plane.
    """
    rows, columns = image.shape[-2:]
    if factor < 1 or rows % factor or columns % factor:
        raise InputError(
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
        Grey levels of no light and of the peak. ``None`` stands for what `measured` finds in the whole image; a patch
        would give each its own.
    black
        What a measured ``low_value`` is: ``"percentile"``, the 0.5th, or ``"zero"``.
    """

    kind: ClassVar[str] = "to_photons"
    title: ClassVar[str] = "Photons"
    stage: ClassVar[int] = 0

    peak_photons: float = quantity(
        200.0, "peak", "photons", low=0.0, high=1e9, logarithmic=True,
        help="Photons that reach a pixel at the bright grey level: the fewer, the noisier the image.",
    )  # fmt: skip
    low_value: float | None = quantity(
        0.0, "dark grey level", "grey levels", low=-1e12, high=1e12, none_means="measured from the image",
        advanced=True, help="Grey level of the good image that stands for no light.",
    )  # fmt: skip
    high_value: float | None = quantity(
        1.0, "bright grey level", "grey levels", low=-1e12, high=1e12, none_means="measured from the image",
        advanced=True, help="Grey level of the good image that stands for the peak.",
    )  # fmt: skip
    black: Literal["percentile", "zero"] = quantity(
        "percentile", "measured dark grey level", advanced=True,
        choices={"percentile": "darkest 0.5 % of the pixels", "zero": "grey level 0"},
        help="What stands for no light if the dark grey level is measured.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low_value is None or self.high_value is None or self.high_value > self.low_value:
            return
        raise InputError(
            f"The bright grey level is {self.high_value:g}, but must be above {self.low_value:g}, the dark one."
        )

    def measured(self, image: Float) -> ToPhotons:
        """Fill the grey levels that are ``None`` from an image: its 0.5th and 99.9th percentile.

        Exact percentiles of all finite pixels; where a few bright objects leave both in the background, the upper one
        moves up as in `core.normalize.measure`.

        Parameters
        ----------
        image
            The whole good image, shape ``(..., Y, X)``.

        Returns
        -------
        ToPhotons
            With both grey levels; the step itself if it has them.

        Raises
        ------
        InputError
            If no pixel is finite, or nothing lies between the dark and the bright grey level.
        """

        def planes() -> Iterator[NDArray[Any]]:
            for index in np.ndindex(image.shape[:-2]):
                plane = np.asarray(image[index])
                yield plane.astype(np.uint8) if plane.dtype == bool else plane

        return self.at_levels(measure(planes, *LEVELS_PERCENT))

    def at_levels(self, found: Percentiles) -> ToPhotons:
        """Fill the grey levels that are ``None`` from percentiles that are known already; see `measured`.

        Parameters
        ----------
        found
            Percentiles `LEVELS_PERCENT` of the whole image.
        """
        if self.low_value is not None and self.high_value is not None:
            return self
        if found.minimum == found.maximum:
            raise InputError(
                f"Every pixel of the image is {found.minimum:g}, so there is no dark and no bright grey level to "
                "measure: take another image, or give both levels."
            )
        dark = 0.0 if self.black == "zero" else found.low
        low = dark if self.low_value is None else self.low_value
        high = found.high if self.high_value is None else self.high_value
        if not high > low:
            raise InputError(
                f"The image's grey levels reach from {found.minimum:g} to {found.maximum:g}, which leaves nothing "
                f"between dark, {low:g}, and bright, {high:g}: give other levels."
            )
        return replace(self, low_value=low, high_value=high)

    def expectation(self, image: Float) -> Float:
        """Scale to photons; float32.

        Raises
        ------
        InputError
            If a grey level is still to be measured.
        """
        if self.low_value is None or self.high_value is None:
            raise InputError(
                "The dark and bright grey levels are not measured yet: call measured(image) with the whole image."
            )
        scale = np.float32(self.peak_photons / (self.high_value - self.low_value))
        # Grey levels in float64 may lie far from 0, where float32 would not tell them apart.
        grey = image if image.dtype == np.float64 else np.asarray(image, dtype=np.float32)
        above_dark = np.asarray(grey - grey.dtype.type(self.low_value), dtype=np.float32)
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
    title: ClassVar[str] = "Exposure and background"
    stage: ClassVar[int] = 1

    factor: float = quantity(
        1.0, "exposure factor", low=0.0, high=1e6,
        help="Share of the light that arrives: 0.5 halves the exposure time, above 1 the image is over-exposed.",
    )  # fmt: skip
    background_photons: float = quantity(
        0.0, "background", "photons", low=0.0, high=1e9,
        help="Photons that stray light or out-of-focus sample add to every pixel.",
    )  # fmt: skip

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
    title: ClassVar[str] = "Binning"
    stage: ClassVar[int] = 4

    factor: int = quantity(
        2, "block", "px", form="whole", low=1, high=64,
        help="Side of the square block of pixels that becomes one pixel.",
    )  # fmt: skip
    mode: Literal["sum", "mean"] = quantity(
        "sum", "a block's value", choices={"sum": "sum, as a camera bins", "mean": "mean"},
        help="The sum collects the light of the block's pixels, the mean keeps the grey level.",
    )  # fmt: skip
    target_grid: Literal["fine", "binned"] = quantity(
        "fine", "target's pixels", choices={"fine": "fine, for super-resolution", "binned": "binned too"},
        help="Whether the good image keeps its fine pixels or is binned like the bad one.",
    )  # fmt: skip

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
