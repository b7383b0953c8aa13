"""What a forward model looks like: its blur and its noise, as small pictures show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.normalize import Percentiles
from napari_restoration.degradations.base import STAGES, Step
from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.sampling import ToPhotons
from napari_restoration.degradations.varied import bare

_LEVELS = 12
_BAND = (32, 96)
_SHOWN_ENERGY = 0.98
_OBJECT = Percentiles(0.0, 1.0, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelPicture:
    """Blur and noise of a forward model.

    Attributes
    ----------
    psf
        ``(h, w)`` with odd sides, unit sum: all blur and motion together, of a burst the middle frame's, of a volume
        the middle plane; ``None`` if nothing blurs.
    psf_pixel_um
        Size of its pixels, if it is known.
    levels
        ``(n,)`` expected grey levels from dark to bright.
    noise
        ``(n,)`` standard deviation of the pixels at each of them.
    """

    psf: npt.NDArray[np.float64] | None
    psf_pixel_um: float | None
    levels: npt.NDArray[np.float64]
    noise: npt.NDArray[np.float64]


def picture_of(model: ForwardModel, pixel_size_um: float | None = None) -> ModelPicture:
    """Make the small pictures of a forward model.

    Parameters
    ----------
    model : ForwardModel
        With calibrated steps and no field left to draw.
    pixel_size_um : float, optional
        Of the good image.

    Returns
    -------
    ModelPicture
        The noise is measured on even areas that pass through the model.
    """
    rng = np.random.default_rng(0)
    steps = [_with_levels(bare(step)).realise(rng) for step in model.steps]
    levels, noise = _noise(steps, model.binning, rng)
    return ModelPicture(psf=_psf(steps), psf_pixel_um=pixel_size_um, levels=levels, noise=noise)


def _with_levels(step: Step) -> Step:
    if not isinstance(step, ToPhotons):
        return step
    return replace(step, low_value=None, high_value=None, black="percentile").at_levels(_OBJECT)


def _psf(steps: list[Step]) -> npt.NDArray[np.float64] | None:
    whole: npt.NDArray[np.float64] | None = None
    for step in steps:
        if step.stage not in (STAGES["optics"], STAGES["motion"]):
            continue
        kernel = _plane(np.asarray(_kernel(step), dtype=np.float64))
        whole = kernel if whole is None else np.maximum(_joined(whole, kernel), 0.0)
    return None if whole is None else _cropped(whole / whole.sum())


def _joined(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The kernel of two blurs one after the other, as large as both together."""
    room = [(side // 2, side // 2) for side in second.shape]
    return np.asarray(convolve(np.pad(first, room), second, boundary="circular"))


def _kernel(step: Any) -> npt.NDArray[Any]:
    if hasattr(step, "kernels"):
        frames = step.kernels()[0]
        return np.asarray(frames[len(frames) // 2])
    return np.asarray(step.kernel())


def _plane(kernel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return kernel if kernel.ndim == 2 else kernel[len(kernel) // 2]


def _cropped(psf: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The middle that holds nearly all of the light, one pixel more on each side, as a square."""
    side = max(psf.shape)
    psf = np.pad(psf, [((side - n) // 2, (side - n) // 2) for n in psf.shape])
    middle = side // 2
    half = next(
        (
            k
            for k in range(middle)
            if psf[middle - k : middle + k + 1, middle - k : middle + k + 1].sum() > _SHOWN_ENERGY
        ),
        middle,
    )
    half = min(max(half + 1, 4), middle)
    return psf[middle - half : middle + half + 1, middle - half : middle + half + 1]


def _noise(
    steps: list[Step], binning: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    height, width = (side * binning for side in _BAND)
    bands = np.linspace(0.0, 1.0, _LEVELS, dtype=np.float32)
    expected = noisy = np.repeat(bands, height)[:, None] * np.ones(width, np.float32)
    for step in steps:
        if step.stage in (STAGES["optics"], STAGES["motion"]):
            continue
        expected, noisy = step.expectation(expected), step(noisy, rng)
    split = [image.reshape(_LEVELS, -1).astype(np.float64) for image in (expected, noisy)]
    return split[0].mean(axis=1), split[1].std(axis=1)
