"""How the microscope measured: the camera's numbers and the blur between a restoration and its raw image.

Both are taken from what is known best: the user's numbers, then the Degrade steps, then what the model is for (one that
only removes noise undoes no blur), then estimates from the images themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core import metrics
from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence import error_map
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.degradations.base import STAGES
from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.psf import gaussian_psf
from napari_restoration.degradations.sampling import bin_mean
from napari_restoration.models.card import ModelCard
from napari_restoration.tasks.trust_settings import TrustSettings

if TYPE_CHECKING:
    from napari_restoration.degradations.presets import Preset

Plane = npt.NDArray[np.float32]

# A camera whose shot noise cannot be told counts so many electrons for one standard deviation of its noise: shot noise
# then stays far below the rest over any contrast.
_ELECTRONS_OF_PLAIN_NOISE = 1e4
_KERNEL_HALF_PX = 64
_SEEN = 1e-6
# A narrower Gaussian between raw and restored image is none.
_LEAST_SIGMA_PX = 0.05


@dataclass(frozen=True, kw_only=True)
class Camera:
    """What turns electrons into grey levels.

    Attributes
    ----------
    offset_adu, gain_electrons_per_adu, read_noise_electrons
        As in `degradations.noise`; of a mean of frames the gain is that of their sum.
    is_given
        Whether gain and read noise came from the user or the Degrade steps.
    words
        Where the numbers come from, a sentence.
    is_reliable
        Whether nothing was found that spoils an estimate.
    """

    offset_adu: float
    gain_electrons_per_adu: float
    read_noise_electrons: float
    is_given: bool
    words: str
    is_reliable: bool = True

    def of_mean(self, frames: int) -> Camera:
        """The camera whose single exposure has the noise of the mean of several."""
        return replace(
            self,
            gain_electrons_per_adu=self.gain_electrons_per_adu * frames,
            read_noise_electrons=self.read_noise_electrons * frames**0.5,
        )

    def electrons(self, grey_levels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Electrons above the offset."""
        above = np.asarray(grey_levels, dtype=np.float64) - self.offset_adu
        return np.asarray(above * self.gain_electrons_per_adu)

    def expose(self, expected: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Grey levels with noise around expected electrons."""
        from napari_restoration.degradations.noise import poisson

        light = np.maximum(expected, 0.0)
        noisy = poisson(light, rng).astype(np.float64)
        noisy += rng.normal(0.0, self.read_noise_electrons or 1e-9, light.shape)
        return np.asarray(noisy / self.gain_electrons_per_adu + self.offset_adu)

    def noise_variance_adu(self, grey_levels: npt.NDArray[Any]) -> float:
        """Mean variance of the noise over a plane, in squared grey levels."""
        light = np.maximum(self.electrons(grey_levels), 0.0)
        variance = float(np.nanmean(light)) + self.read_noise_electrons**2
        return variance / self.gain_electrons_per_adu**2


@dataclass(frozen=True, kw_only=True, eq=False)
class Blur:
    """What lies between a restoration and its raw image beside noise.

    Attributes
    ----------
    kernel
        ``(h, w)`` on the restoration's grid, odd sides, unit sum; None where it has to be fitted.
    words
        Where it comes from, a sentence.
    """

    kernel: npt.NDArray[np.float64] | None
    words: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A restoration as the raw image would show it: blurred, on the coarser grid, scaled by a gain and an offset.

    Attributes
    ----------
    kernel
        ``(h, w)`` on the restoration's grid.
    gain, offset
        Raw grey levels for one of the restoration's.
    scale
        Pixels of the restoration for one raw pixel along each axis.
    """

    kernel: npt.NDArray[np.float64]
    gain: float
    offset: float
    scale: int

    @property
    def is_sharp(self) -> bool:
        """Whether every frequency of the restoration reaches the raw image."""
        return self.kernel.size == 1 and self.scale == 1

    def __call__(self, restored: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Expected raw grey levels, ``(y, x)``."""
        coarse = _measured(np.asarray(restored, dtype=np.float64), self.kernel, self.scale)
        return np.asarray(self.gain * coarse + self.offset)


def find_camera(planes: Sequence[npt.NDArray[Any]], settings: TrustSettings) -> tuple[Camera | None, str]:
    """The camera as far as it is known, else as the raw image tells.

    Parameters
    ----------
    planes : sequence of ndarray
        ``(Y, X)``, raw grey levels.
    settings : TrustSettings
        What the user knows.

    Returns
    -------
    camera : Camera or None
        None if the image does not tell its noise.
    why_not : str
        Then the reason.
    """
    from napari_restoration.degradations.estimates.noise import estimate_camera

    known = _camera_of(settings)
    if None not in known.values():
        return Camera(**known, is_given=True, words="The camera's numbers are those given."), ""  # type: ignore[arg-type]
    offset, gain, read = known.values()
    try:
        found = estimate_camera(list(planes), offset_adu=offset, read_noise_electrons=read)
    except InputError as error:
        return None, f"the noise could not be measured ({error})"
    if gain is None and found.gain_electrons_per_adu is None:
        if not found.noise_sd > 0:
            return None, "the raw image has no noise that could be measured"
        return Camera(
            offset_adu=found.offset_adu if offset is None else offset,
            gain_electrons_per_adu=_ELECTRONS_OF_PLAIN_NOISE / found.noise_sd,
            read_noise_electrons=_ELECTRONS_OF_PLAIN_NOISE,
            is_given=False,
            words="The noise does not grow with brightness, so it is taken to be the same everywhere.",
            is_reliable=found.is_reliable,
        ), ""
    chosen_gain = gain if gain is not None else float(found.gain_electrons_per_adu or 1.0)
    chosen_read = read if read is not None else float(found.read_noise_electrons or 0.0)
    words = "Gain and read noise are estimated from the raw image."
    return Camera(
        offset_adu=found.offset_adu if offset is None else offset,
        gain_electrons_per_adu=chosen_gain,
        read_noise_electrons=chosen_read,
        is_given=gain is not None and read is not None,
        words=f"{words} {found.words}".strip() if not found.is_reliable else words,
        is_reliable=found.is_reliable or None not in (gain, read),
    ), ""


def find_blur(image: CalibratedImage, card: ModelCard, settings: TrustSettings) -> Blur:
    """The blur of the Degrade steps if there are any, none for denoising, else to be fitted.

    Raises
    ------
    InputError
        If the steps cannot be used with this image, such as for want of its pixel size.
    """
    if settings.preset is not None:
        kernel = _kernel_of(settings.preset, image, card.scale)
        return Blur(kernel=kernel, words=f"The blur is that of the steps {settings.preset.title!r}.")
    if card.task == "denoise" and card.scale == 1:
        words = "The model only removes noise, so that no blur lies between the result and the raw image."
        return Blur(kernel=np.ones((1, 1)), words=words)
    return Blur(
        kernel=None, words="The blur is fitted: the Gaussian that makes the result most like the raw image."
    )


def fit(raw: npt.NDArray[Any], restored: npt.NDArray[Any], blur: Blur, scale: int) -> Fit:
    """Fit what is not known of the way from a restoration to its raw image.

    Parameters
    ----------
    raw, restored : ndarray
        ``(y, x)`` and ``(y scale, x scale)``, grey levels.
    blur : Blur
        See `find_blur`.
    scale : int
        Of the model.

    Raises
    ------
    InputError
        If the grids do not fit or nothing is finite.
    """
    kernel = blur.kernel
    if kernel is None:
        sigma = error_map(raw, restored, scale=scale).sigma_px * scale
        kernel = gaussian_psf(sigma, integrate=False) if sigma > _LEAST_SIGMA_PX else np.ones((1, 1))
    coarse = _measured(np.asarray(restored, dtype=np.float64), np.asarray(kernel, dtype=np.float64), scale)
    both = np.isfinite(raw) & np.isfinite(coarse)
    if not both.any():
        raise InputError(
            "Raw and restored image have no finite pixel in common: there is nothing to compare."
        )
    gain, offset = metrics.fit_affine(coarse[both], np.asarray(raw, dtype=np.float64)[both])
    return Fit(
        kernel=np.asarray(kernel, dtype=np.float64), gain=float(gain), offset=float(offset), scale=scale
    )


def _measured(
    restored: npt.NDArray[np.float64], kernel: npt.NDArray[np.float64], scale: int
) -> npt.NDArray[np.float64]:
    filled, missing = fill_missing(restored, 0.0)
    blurred = filled if kernel.size == 1 else _convolved(filled, kernel)
    coarse = np.array(bin_mean(blurred, scale) if scale > 1 else blurred)
    if missing is not None:
        holes = bin_mean(missing.astype(np.float64), scale) > 0 if scale > 1 else missing
        coarse[holes] = np.nan
    return coarse


def _convolved(plane: npt.NDArray[np.float64], kernel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if min(plane.shape) > max(kernel.shape) // 2 + 1:
        return np.asarray(convolve(plane, kernel))
    return np.asarray(ndimage.convolve(plane, kernel, mode="mirror"))


def _camera_of(settings: TrustSettings) -> dict[str, float | None]:
    """What the user and the Degrade steps say; the user's numbers come first."""
    names = ("offset_adu", "gain_electrons_per_adu", "read_noise_electrons")
    found: dict[str, float | None] = {name: getattr(settings, name) for name in names}
    if settings.preset is None:
        return found
    for choice in settings.preset.steps:
        if choice.enabled and choice.step.kind == "camera":
            for name in names:
                found[name] = getattr(choice.step, name) if found[name] is None else found[name]
    return found


def _kernel_of(preset: Preset, image: CalibratedImage, scale: int) -> npt.NDArray[np.float64]:
    """Image of a point through the optics of the steps, on the restoration's grid."""
    from napari_restoration.degradations.forward import ForwardModel

    pixel = image.pixel_size_um.get("X")
    model = preset.forward_model().calibrated(None if pixel is None else pixel / scale)
    optics = [step for step in model.steps if getattr(step, "stage", None) == STAGES["optics"]]
    point = np.zeros((2 * _KERNEL_HALF_PX + 1,) * 2)
    point[_KERNEL_HALF_PX, _KERNEL_HALF_PX] = 1.0
    spread = np.asarray(ForwardModel(tuple(optics)).expectation(point), dtype=np.float64)
    rows, columns = np.nonzero(spread > _SEEN * spread.max())
    half = int(max(np.abs(rows - _KERNEL_HALF_PX).max(), np.abs(columns - _KERNEL_HALF_PX).max()))
    middle = slice(_KERNEL_HALF_PX - half, _KERNEL_HALF_PX + half + 1)
    kernel = np.maximum(spread[middle, middle], 0)
    return np.asarray(kernel / kernel.sum())
