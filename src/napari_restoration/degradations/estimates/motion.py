"""Motion during the exposure, from one plane: its length and direction, and how sure one can be.

A straight, even motion by L px along theta0 multiplies the power at frequency (f, theta) by
``sinc(f L cos(theta - theta0))^2``, which is zero on evenly spaced lines. The sample and every other blur that is
equal in all directions change with f alone, so what is left of the logarithm of the power once each ring has lost
its mean is compared with that pattern (D. B. Gennery, JOSA 63 (1973) 1571; M. M. Chang et al., IEEE Trans. Signal
Process. 39 (1991) 2323, for the zeros). Samples whose structure runs in one direction have spectra that are not
round either, but smooth: such patterns are fitted as rivals, and motion is only reliable if it fits better by far.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_restoration.degradations.estimates.blur import BlurEstimate, estimate_blur, standardised
from napari_restoration.degradations.estimates.directional import (
    DIRECTIONS,
    PolarSpectrum,
    best_match,
    between_steps,
    motion_patterns,
    polar_spectrum,
    smooth_patterns,
    without_smooth,
)

_SHORTEST_PX, _LONGEST_PX, _LENGTH_STEP = 2.5, 30.0, 1.03
# Of the pattern's depth in the logarithm; uneven motion fills the zeros up.
_DEPTHS, _RIVAL_DEPTHS = (0.4, 1.3), (0.0, 3.0)
# Reliable: the motion explains so much of the unevenness, and leaves so much less than the best rival does, and the
# frequencies above the noise reach beyond the first zero, over so many rings that chance does not draw the pattern.
# Chosen on training images so that few without motion pass.
_LEAST_EXPLAINED, _LEAST_STRENGTH, _LEAST_REACH, _LEAST_RINGS = 0.35, 0.06, 1.3, 10
# Softness in pixels, of optics and sample together, from which a plane counts as out of focus.
_SOFT_PX = 2.0

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MotionEstimate:
    """Length and direction of a motion.

    Attributes
    ----------
    length_px
        Length of the straight, even motion that fits best, in pixels; 0 if nothing smooth fits worse.
    angle_rad
        Its direction, 0 along x and pi / 2 along y (down), in [0, pi): there and back look the same.
    strength
        By which share of the unevenness that the best smooth rival leaves the motion leaves less, in [0, 1].
    is_reliable
        Whether the numbers are worth acting on.
    words
        One sentence on what was found, or what limits it.
    """

    length_px: float
    angle_rad: float
    strength: float
    is_reliable: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class BlurKind:
    """What makes a plane soft, with the numbers it was judged by.

    Attributes
    ----------
    kind
        ``"sharp"``, ``"defocus"`` (a blur equal in all directions, of any cause), ``"motion"``, or ``"unknown"``.
    blur, motion
        The two estimates. With motion, the width of ``blur`` includes the motion's own.
    words
        One sentence.
    """

    kind: Literal["sharp", "defocus", "motion", "unknown"]
    blur: BlurEstimate
    motion: MotionEstimate
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


def estimate_motion(plane: npt.NDArray[Any]) -> MotionEstimate:
    """Estimate the length and the direction of a motion blur in one plane.

    Lengths from 2.5 to 30 px are told, in planes narrower than 160 px to a quarter of that and less.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` of any real type; missing pixels are filled.

    Returns
    -------
    MotionEstimate
        A plane without enough structure gives an unreliable estimate, not an error.

    Raises
    ------
    InputError
        If the plane does not have two axes.
    """
    ready = standardised(plane)
    if isinstance(ready, str):
        return _nothing(ready)
    polar = polar_spectrum(ready[0])
    if polar is None:
        return _nothing("Too little structure rises above the noise to show a motion.")
    weight = polar.frequency / polar.frequency.sum()
    uneven = without_smooth(polar.uneven, weight)
    total = float(weight @ np.sum(uneven**2, axis=1))
    if total <= 1e-12:
        return _nothing("The spectrum is perfectly round: no motion.")
    count = int(math.log(min(_LONGEST_PX, polar.segment / 4.3) / _SHORTEST_PX, _LENGTH_STEP)) + 1
    lengths: Array = _SHORTEST_PX * _LENGTH_STEP ** np.arange(count, dtype=np.float64)
    motion = best_match(uneven, motion_patterns(polar, lengths), weight, _DEPTHS)
    rival = best_match(uneven, smooth_patterns(polar), weight, _RIVAL_DEPTHS)
    length = float(lengths[0] * _LENGTH_STEP ** between_steps(motion.misfits, motion.number % count, count))
    strength = max(0.0, 1.0 - motion.misfit / max(rival.misfit, 1e-12))
    angle = math.pi * motion.direction / DIRECTIONS
    return _judged(length, angle, strength, 1.0 - motion.misfit, polar)


def classify_blur(plane: npt.NDArray[Any]) -> BlurKind:
    """Tell sharp planes, planes blurred equally in all directions, and planes blurred by motion from each other.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` of any real type; missing pixels are filled.

    Returns
    -------
    BlurKind
        ``"unknown"`` where neither estimate is reliable.

    Raises
    ------
    InputError
        If the plane does not have two axes.
    """
    blur, motion = estimate_blur(plane), estimate_motion(plane)
    if motion.is_reliable:
        return BlurKind(kind="motion", blur=blur, motion=motion, words=motion.words)
    if blur.is_reliable and blur.sigma_px >= _SOFT_PX:
        words = f"A blur of {blur.sigma_px:.1f} px, equal in all directions: out of focus, or a sample without edges."
        return BlurKind(kind="defocus", blur=blur, motion=motion, words=words)
    # An upper limit is enough to call a plane sharp.
    if blur.high_px < _SOFT_PX or blur.is_reliable:
        words = f"Sharp: a blur of no more than {blur.high_px:.1f} px."
        return BlurKind(kind="sharp", blur=blur, motion=motion, words=words)
    return BlurKind(kind="unknown", blur=blur, motion=motion, words=blur.words)


def _judged(
    length: float, angle: float, strength: float, explained: float, polar: PolarSpectrum
) -> MotionEstimate:
    finest = float(polar.frequency[-1])
    found = f"Motion of {length:.1f} px at {math.degrees(angle):.0f} degrees"
    if strength <= 0:
        return _nothing("No sign of motion: no direction lacks evenly spaced frequencies.")
    reliable = False
    if strength < _LEAST_STRENGTH or explained < _LEAST_EXPLAINED:
        words = f"{found} is possible, but a sample with structure along one direction looks nearly the same."
    elif finest * length < _LEAST_REACH or finest * polar.segment < _LEAST_RINGS:
        words = f"{found} is possible, but noise hides the frequencies that would prove it."
    else:
        reliable, words = True, f"{found} (0 along x, 90 down)."
    return MotionEstimate(
        length_px=length, angle_rad=angle, strength=strength, is_reliable=reliable, words=words
    )


def _nothing(words: str) -> MotionEstimate:
    return MotionEstimate(length_px=0.0, angle_rad=0.0, strength=0.0, is_reliable=False, words=words)
