"""What the measures of a plane mean: findings in plain words, the gravest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_restoration.degradations.estimates.flaws import Flaws
    from napari_restoration.degradations.estimates.motion import BlurKind

Severity = Literal["problem", "note", "good"]

# Range of the structures over the noise. Of training images with a peak of 10 to 60 electrons one in 33 lies above,
# of those with 2000 and more none below.
_NOISY_BELOW = 25.0
_VERY_NOISY_BELOW = 8.0
_SATURATED_SHARE = 0.01
_DARK_SHARE = 0.02
_CORRELATED = 0.1
# Noise so strongly correlated that the sharpness and noise of the original are not to be told.
_REMADE = 0.3
# Gaussian standard deviation from which an image counts as blurred, and as a little soft, without a known lens.
_BLURRED_PX = 2.0
_SOFT_PX = 1.4
# An image up to so many times softer than its lens has no defocus worth speaking of.
_SOFTER_THAN_THE_LENS = 1.5
# Lines of a scan and blocks of JPEG pass for motions of 3 px along an axis: shorter ones than this are not told.
_SHORTEST_MOTION_PX = 4.0
# Strength of a motion that is not sure, but worth a note.
_POSSIBLE_MOTION = 0.03


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    kind
        ``"hot"``, ``"missing"``, ``"constant"``, ``"empty"``, ``"saturated"``, ``"dark_clipped"``, ``"processed"``,
        ``"motion"``, ``"blur"``, ``"noise"`` or ``"undersampled"``.
    severity
        ``"problem"``, ``"note"``, or ``"good"`` for what is in order.
    words
        A sentence.
    value, unit
        The number behind it, if there is one.
    value_um
        A length in micrometres too, where the pixel size is known.
    """

    kind: str
    severity: Severity
    words: str
    value: float | None = None
    unit: str = ""
    value_um: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Lengths to hold the image against.

    Attributes
    ----------
    pixel_y_um, pixel_x_um
        Size of a pixel; both ``None`` if it is unknown.
    lens_px
        Standard deviation of the sharpest image the lens can make, in pixels; ``None`` if it is unknown.
    """

    pixel_y_um: float | None = None
    pixel_x_um: float | None = None
    lens_px: float | None = None

    def in_um(self, length_px: float, angle_rad: float | None = None) -> float | None:
        """A length in micrometres; without a direction on average over all."""
        if self.pixel_y_um is None or self.pixel_x_um is None:
            return None
        if angle_rad is None:
            return float(length_px * np.sqrt(self.pixel_y_um * self.pixel_x_um))
        parts = (np.sin(angle_rad) * self.pixel_y_um, np.cos(angle_rad) * self.pixel_x_um)
        return float(length_px * np.hypot(*parts))


def about_lone_pixels(count: int) -> list[Finding]:
    """Hot pixels, which are left out of all that follows."""
    if not count:
        return []
    stand = "pixel stands" if count == 1 else "pixels stand"
    words = f"{count} {stand} alone far above the others: hot, or hit by a cosmic ray."
    return [Finding(kind="hot", severity="note", words=words, value=float(count), unit="pixels")]


def about_levels(plane: npt.NDArray[Any], flaws: Flaws) -> list[Finding]:
    """Missing pixels, emptiness and clipping."""
    found = []
    missing = int(plane.size - np.count_nonzero(np.isfinite(plane)))
    if missing:
        words = f"{missing} {'pixel is' if missing == 1 else 'pixels are'} missing (NaN or infinite)."
        found.append(
            Finding(kind="missing", severity="note", words=words, value=float(missing), unit="pixels")
        )
    if flaws.is_constant:
        level = float(plane[np.isfinite(plane)][0])
        words = f"Every pixel has the same value, {level:g}."
        return [*found, Finding(kind="constant", severity="problem", words=words, value=level)]
    if flaws.is_empty:
        words = (
            f"The plane holds nothing but noise, {flaws.noise_sd:.3g} grey levels of it (standard deviation)."
        )
        found.append(
            Finding(kind="empty", severity="problem", words=words, value=flaws.noise_sd, unit="grey levels")
        )
    if flaws.saturated_share > 0:
        share = flaws.saturated_share
        words = f"{_percent(share)} of the pixels are saturated at {flaws.saturation_level:g}; what they held is lost."
        severity: Severity = "problem" if share >= _SATURATED_SHARE else "note"
        found.append(_share("saturated", severity, words, share))
    if flaws.clipped_dark_share >= _DARK_SHARE:
        share = flaws.clipped_dark_share
        words = f"{_percent(share)} of the pixels are cut off at the darkest level, {flaws.dark_level:g}."
        found.append(_share("dark_clipped", "note", words, share))
    return found


def about_sharpness(kind: BlurKind, scale: Scale, *, is_remade: bool) -> list[Finding]:
    """Motion, or blur in all directions; the blur of an image that was remade since the camera is no good news."""
    is_long = kind.motion.length_px >= _SHORTEST_MOTION_PX
    if kind.kind == "motion" and is_long:
        return [_moved(kind, scale)]
    may_have_moved = is_long and not is_remade and kind.motion.strength >= _POSSIBLE_MOTION
    found = [_possibly_moved(kind, scale)] if may_have_moved else []
    blurred_px, soft_px = _BLURRED_PX, _SOFT_PX
    if scale.lens_px is not None:
        blurred_px = soft_px = _SOFTER_THAN_THE_LENS * scale.lens_px
    sigma, low, high = kind.blur.sigma_px, kind.blur.low_px, kind.blur.high_px
    width = f"{sigma:.1f} px{_parenthesis(scale.in_um(sigma))}" if sigma >= 0.05 else "less than 0.1 px"
    if not kind.blur.is_reliable:
        if low < soft_px < high:
            return [*found, _unsure_blur(kind, width, is_wide=sigma >= blurred_px)]
        width = f"about {width}, between {low:.1f} and {high:.1f} px"
        if high <= soft_px:
            width = f"at most {high:.1f} px{_parenthesis(scale.in_um(high))}"
    is_blurred, is_soft = sigma >= blurred_px, sigma >= soft_px
    if scale.lens_px is not None:
        times = sigma / scale.lens_px
        width += (
            f", {times:.1f} times what the lens can do" if times >= 1 else ", as sharp as the lens can do"
        )
    severity: Severity = "problem" if is_blurred else "note" if is_soft or is_remade else "good"
    if is_blurred:
        words = f"It is blurred in all directions, by {width}: out of focus, or a thick or soft sample."
    elif is_soft:
        words = f"It is a little soft: a blur of {width}, of the sample or the focus."
    elif is_remade:
        words = f"It looks sharp (blur of {width}), but processed images look sharper than they are."
    else:
        words = f"Its finest detail is sharp: a blur of {width}. Haze over it cannot be told."
    value_um = scale.in_um(sigma)
    return [
        *found,
        Finding(kind="blur", severity=severity, words=words, value=sigma, unit="px", value_um=value_um),
    ]


def about_noise(plane: npt.NDArray[Any], flaws: Flaws) -> list[Finding]:
    """How far the structures stand out of the noise."""
    if flaws.signal_to_noise is None:
        return [Finding(kind="noise", severity="good", words="There is no noise.")]
    ratio = max(flaws.signal_to_noise, _dark_signal(plane) / flaws.noise_sd)
    if ratio >= _NOISY_BELOW and is_remade(flaws):
        words = f"The structures stand out {ratio:.0f} times above the noise of a pixel, but processing hides noise."
        return [Finding(kind="noise", severity="note", words=words, value=ratio, unit="times the noise")]
    if ratio >= _NOISY_BELOW:
        words = f"There is little noise: the structures stand out {ratio:.0f} times above it."
        return [Finding(kind="noise", severity="good", words=words, value=ratio, unit="times the noise")]
    how = "very noisy" if ratio < _VERY_NOISY_BELOW else "noisy"
    words = f"It is {how}: the structures stand out only {ratio:.1f} times above the noise."
    return [Finding(kind="noise", severity="problem", words=words, value=ratio, unit="times the noise")]


def about_sampling(flaws: Flaws) -> list[Finding]:
    """Pixels too coarse for the image, and what was done to it since the camera, which looks the same."""
    correlation = flaws.noise_correlation
    error = flaws.noise_correlation_error or 0.0
    found: list[Finding] = []
    severity: Severity = "problem"
    if correlation is not None and np.isnan(correlation):
        severity = "note"  # too few quiet pixels to tell raw from processed
    elif correlation is not None and abs(correlation) > max(_CORRELATED, 5 * error):
        severity = "note"
        how = "smoothed, resampled or compressed" if correlation > 0 else "sharpened"
        words = (
            f"The noise of neighbouring pixels is correlated ({correlation:+.2f}): the image was {how}, or its detail "
            "is as fine as its pixels."
        )
        found.append(
            Finding(kind="processed", severity="note", words=words, value=correlation, unit="correlation")
        )
    if flaws.is_undersampled:
        share = flaws.nyquist_share
        words = (
            f"The pixels are too coarse for the detail: {_percent(share)} of the signal lies at the finest "
        )
        words += "frequencies, and some of it may be false."
        if severity == "note":
            words = f"{_percent(share)} of the signal lies at the finest frequencies: the pixels are coarse, or the "
            words += "processing left traces."
        found.append(
            Finding(kind="undersampled", severity=severity, words=words, value=share, unit="of the signal")
        )
    return found


def is_remade(flaws: Flaws) -> bool:
    """Whether the image is so far from what a camera gave that its sharpness and noise cannot be trusted."""
    return flaws.noise_correlation is not None and abs(flaws.noise_correlation) > _REMADE


def gravest_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Problems, then notes, then what is in order; the order among these stays."""
    order: Mapping[str, int] = {"problem": 0, "note": 1, "good": 2}
    return tuple(sorted(findings, key=lambda finding: order[finding.severity]))


def _unsure_blur(kind: BlurKind, width: str, *, is_wide: bool) -> Finding:
    if not is_wide:
        return Finding(kind="blur", severity="note", words=kind.blur.words)
    words = f"It may be blurred, by about {width}; noise, or soft or regular structure of the sample, hide how much."
    return Finding(kind="blur", severity="note", words=words, value=kind.blur.sigma_px, unit="px")


def _moved(kind: BlurKind, scale: Scale) -> Finding:
    length, value_um = kind.motion.length_px, scale.in_um(kind.motion.length_px, kind.motion.angle_rad)
    words = f"It moved during the exposure, by {_way(kind, scale)}."
    return Finding(kind="motion", severity="problem", words=words, value=length, unit="px", value_um=value_um)


def _possibly_moved(kind: BlurKind, scale: Scale) -> Finding:
    length, value_um = kind.motion.length_px, scale.in_um(kind.motion.length_px, kind.motion.angle_rad)
    words = f"It may have moved, by {_way(kind, scale)}; structure along one direction looks nearly the same."
    return Finding(kind="motion", severity="note", words=words, value=length, unit="px", value_um=value_um)


def _way(kind: BlurKind, scale: Scale) -> str:
    length, angle = kind.motion.length_px, kind.motion.angle_rad
    degrees = round(float(np.degrees(angle))) % 180
    return (
        f"{length:.1f} px{_parenthesis(scale.in_um(length, angle))} at {degrees} degrees (0 along x, 90 down)"
    )


def _dark_signal(plane: npt.NDArray[Any]) -> float:
    """Depth of dark structures on a bright ground, as `Flaws.signal_to_noise` measures bright ones on a dark ground."""
    from scipy import ndimage

    finite = np.isfinite(plane)
    filled = np.where(finite, plane, np.median(plane[finite])).astype(np.float64)
    low, high = np.percentile(ndimage.uniform_filter(filled, 3), (0.1, 95))
    return float(high - low)


def _share(kind: str, severity: Severity, words: str, share: float) -> Finding:
    return Finding(kind=kind, severity=severity, words=words, value=share, unit="of the pixels")


def _percent(share: float) -> str:
    return "100 %" if share >= 0.995 else f"{100 * share:.2g} %"


def _parenthesis(length_um: float | None) -> str:
    return f" ({length_um:.3g} um)" if length_um is not None else ""
