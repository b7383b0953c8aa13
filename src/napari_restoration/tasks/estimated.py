"""What was found on a user's bad image, as a table and in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_restoration.degradations.estimates.blur import BlurEstimate
    from napari_restoration.degradations.estimates.motion import MotionEstimate
    from napari_restoration.degradations.estimates.noise import CameraEstimate
    from napari_restoration.tasks.fitted_blur import FittedBlur

_GIVEN = "As given."
# A blur that may lie anywhere within so many pixels, or twice its own width, is not filled in.
_USELESS_PX, _USELESS_SHARE = 2.0, 2.0
# Noise of the good image, against that of the bad one, that is worth a word: it then adds more than 5 %.
_LOUD = 0.33


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """One number of the microscope.

    Attributes
    ----------
    name
        ``"offset"``, ``"gain"``, ``"read_noise"``, ``"photons"``, ``"background"``, ``"blur"``, ``"defocus"``,
        ``"motion_length"`` or ``"motion_direction"``.
    label, unit
        For people.
    value, low, high
        The estimate and the interval in which the true one is expected; ``None`` where nothing can be told.
    is_reliable
        Whether it is worth acting on.
    words
        What limits it.
    """

    name: str
    label: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    is_reliable: bool = True
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found on the bad image, and what was known.

    Attributes
    ----------
    camera, blur, motion
        The estimates, in pixels of the bad image.
    bits
        Bit depth of the camera, 16 where a raw image does not show where it ends; ``None`` if it is not a raw image.
    pixel_um
        Pixel size of the good image in um, if it is known.
    factor
        How many pixels of the good image, along each axis, make one of the bad image.
    offset_adu, read_noise_electrons
        As given by the user.
    """

    camera: CameraEstimate
    blur: BlurEstimate
    motion: MotionEstimate
    bits: int | None = None
    pixel_um: float | None = None
    factor: int = 1
    offset_adu: float | None = None
    read_noise_electrons: float | None = None

    @property
    def tells_blur(self) -> bool:
        """Whether the blur is known well enough to be filled in."""
        spread = self.blur.high_px - self.blur.low_px
        return spread <= max(_USELESS_PX, _USELESS_SHARE * self.blur.sigma_px)

    @property
    def moves(self) -> bool:
        """Whether a motion was found for sure."""
        return self.motion.is_reliable and self.motion.length_px > 0

    @property
    def tells_electrons(self) -> bool:
        """Whether the noise grows with the brightness, which tells electrons from grey levels."""
        return self.camera.gain_electrons_per_adu is not None


def estimates_of(measured: Measured, fitted: FittedBlur | None = None) -> tuple[Estimated, ...]:
    """The table of all numbers, in the order of the light path from its end.

    Parameters
    ----------
    measured : Measured
        What was found.
    fitted : FittedBlur or None
        The blur that is filled in; the defocus is listed if it is one of the objective.
    """
    camera, blur, motion = measured.camera, measured.blur, measured.motion
    nothing = (None, None)

    def of_camera(
        name: str,
        label: str,
        unit: str,
        value: float | None,
        interval: tuple[float, float] | None,
        given: object,
    ) -> Estimated:
        low, high = interval or nothing
        sure = camera.is_reliable and value is not None
        return Estimated(
            name=name, label=label, unit=unit, value=value, low=low, high=high,
            is_reliable=sure or given is not None, words=camera.words if given is None else _GIVEN,
        )  # fmt: skip

    def of_motion(name: str, label: str, unit: str, value: float) -> Estimated:
        found = motion.length_px > 0
        return Estimated(
            name=name, label=label, unit=unit, value=value if found else None, is_reliable=motion.is_reliable,
            words=motion.words,
        )  # fmt: skip

    offset, read = measured.offset_adu, measured.read_noise_electrons
    levels, electrons = "grey levels", "e-"
    defocus: tuple[Estimated, ...] = ()
    if fitted is not None and fitted.optical is not None:
        defocus = (_defocus(fitted),)
    return (
        of_camera("offset", "Offset", levels, camera.offset_adu, camera.offset_interval_adu, offset),
        of_camera("gain", "Gain", "e-/grey level", camera.gain_electrons_per_adu, camera.gain_interval, None),
        of_camera(
            "read_noise", "Read noise", electrons,
            camera.read_noise_electrons if read is None else read, camera.read_noise_interval, read,
        ),
        of_camera("photons", "Brightest", electrons, camera.peak_electrons, camera.peak_interval, None),
        of_camera("background", "Darkest", electrons, camera.background_electrons, None, None),
        Estimated(
            name="blur", label="Blur", unit="px", value=blur.sigma_px if blur.high_px < _UNKNOWN_PX else None,
            low=blur.low_px, high=blur.high_px, is_reliable=blur.is_reliable, words=blur.words,
        ),
        *defocus,
        of_motion("motion_length", "Motion", "px", motion.length_px),
        of_motion("motion_direction", "Its direction", "deg", math.degrees(motion.angle_rad)),
    )  # fmt: skip


def _defocus(fitted: FittedBlur) -> Estimated:
    if fitted.misfit is None:
        words = "From the width of the blur alone, as if the specimen were perfectly sharp."
    else:
        words = f"With it, the objective leaves {fitted.misfit:.2f} decades of the power unexplained."
    value = None if fitted.optical is None else float(fitted.optical.defocus_um)
    return Estimated(
        name="defocus", label="Defocus", unit="um", value=value, low=fitted.low_um, high=fitted.high_um,
        is_reliable=fitted.is_reliable, words=words,
    )  # fmt: skip


def tidy(value: float) -> float:
    """Five digits: more would say more than is known."""
    return float(f"{value:.5g}")


# The upper end of an interval that stands for "nothing is known".
_UNKNOWN_PX = 100.0


def limits_in_words(
    measured: Measured,
    fitted: FittedBlur | None,
    *,
    has_good: bool,
    has_optics: bool,
    own_noise: float = 0.0,
) -> list[str]:
    """Sentences on what the user should know about a match; empty if there is nothing to add.

    Parameters
    ----------
    measured : Measured
        What was found.
    fitted : FittedBlur or None
        The blur that is filled in; ``None`` if the preset's is kept.
    has_good, has_optics : bool
        Whether there is a good image, and whether the preset has an objective.
    own_noise : float
        Noise that the good image brings along, as a share of the bad one's.
    """
    sentences = []
    if not has_good:
        sentences.append(
            "Without a good image the bad one, cleaned of noise, stands in for the object: the pictures and the "
            "distance tell about light and noise, not about the blur. The blur is that of optics and specimen together."
        )
    if not measured.tells_electrons:
        sentences.append(
            "Electrons cannot be told from grey levels, so noise of one strength is set, and photons stand for grey "
            f"levels: {_first_sentence(measured.camera.words)}"
        )
    elif not measured.camera.is_reliable:
        sentences.append(
            f"The camera's numbers are filled in, but take them with care: {_first_sentence(measured.camera.words)}"
        )
    if own_noise > _LOUD:
        sentences.append(
            f"The good image is noisy itself: it brings along {100 * own_noise:.0f} % of the bad one's noise, which "
            "adds to the camera's."
        )
    if fitted is None:
        sentences.append(f"The blur of the preset is kept. {measured.blur.words}")
    elif not measured.blur.is_reliable and not fitted.is_reliable:
        sentences.append(measured.blur.words)
    if has_optics and measured.pixel_um is None and fitted is not None:
        sentences.append("The pixel size is not known, so the blur is set as a Gaussian in pixels.")
    if measured.moves:
        sentences.append(measured.motion.words)
    return sentences


def _first_sentence(words: str) -> str:
    """To go on with after a colon; the rest stands in the table."""
    first = words.partition(". ")[0].removesuffix(".")
    return f"{first[:1].lower()}{first[1:]}."
