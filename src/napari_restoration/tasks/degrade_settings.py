"""Choices of a degradation beside its preset, and the calibration that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage

_SAME_WITHIN = 1e-3
_LARGEST_SEED = 2**64 - 1
_PURPOSES = ("parameters", "pixels", "place")


@dataclass(frozen=True, kw_only=True)
class DegradeSettings:
    """The choices beside the preset.

    Attributes
    ----------
    seed
        Of everything that is drawn; at least 0.
    pixel_size_um, z_step_um
        Calibration in um, where the image has none or a wrong one.
    volume
        Whether optics blurs in three dimensions. ``None``: if the image has planes at a known distance and no step
        has a defocus, which speaks of single planes.
    varied
        Draw the fields that have a range; else each step's own values are used.
    """

    seed: int = 0
    pixel_size_um: float | None = None
    z_step_um: float | None = None
    volume: bool | None = None
    varied: bool = False

    def __post_init__(self) -> None:
        check_seed(self.seed)


def check_seed(seed: int) -> None:
    """Refuse what is no seed.

    Raises
    ------
    InputError
        Unless it is a whole number between 0 and 2**64 - 1.
    """
    is_whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not is_whole or not 0 <= seed <= _LARGEST_SEED:
        raise InputError(f"The seed is {seed!r}, but must be a whole number between 0 and {_LARGEST_SEED}.")


def generator(seed: int, purpose: Literal["parameters", "pixels", "place"], *at: int) -> np.random.Generator:
    """Return the generator for one purpose and place, independent of those for all others.

    Parameters
    ----------
    seed : int
        The user's.
    purpose : str
        The steps' parameters, the pixels' noise, or the place of a cut-out.
    *at : int
        Position of the block whose pixels are drawn.
    """
    # As spawn keys: as further words of entropy, trailing zeros would change nothing.
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PURPOSES.index(purpose), *at)))


def pixel_sizes(image: CalibratedImage, settings: DegradeSettings) -> Mapping[str, float]:
    """Pixel sizes along Z, Y and X in um: those of the image, where the settings do not replace them.

    Raises
    ------
    InputError
        If a length cannot be one.
    """
    sizes = dict(image.pixel_size_um)
    if settings.pixel_size_um is not None:
        _require_length("The pixel size", settings.pixel_size_um)
        sizes.update(Y=settings.pixel_size_um, X=settings.pixel_size_um)
    if settings.z_step_um is not None:
        _require_length("The distance of planes", settings.z_step_um)
        sizes["Z"] = settings.z_step_um
    return sizes


def _require_length(what: str, value: float) -> None:
    if not 1e-5 <= value <= 1e3:
        raise InputError(f"{what} is {value:g} um, but must be between 0.00001 and 1000 um: mind the unit.")


def square_pixel_um(image: CalibratedImage, sizes: Mapping[str, float]) -> float:
    """The side of the image's pixels in um.

    Raises
    ------
    InputError
        If it is not known, or the pixels are not square.
    """
    if "X" not in sizes and "Y" not in sizes:
        raise InputError(
            f"The pixel size of {image.name!r} is not known, and the blur is given in micrometres: set the pixel size "
            "(--pixel-size)."
        )
    x = sizes.get("X", sizes.get("Y", 0.0))
    y = sizes.get("Y", x)
    if abs(x - y) > _SAME_WITHIN * max(x, y):
        raise InputError(
            f"The pixels of {image.name!r} are {y:g} x {x:g} um, but the blur needs square ones: resample the image, "
            "or set one pixel size (--pixel-size)."
        )
    return x
