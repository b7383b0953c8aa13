"""What is wrong with an image, in plain words with numbers, and which restoration fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.degradations.psf import gaussian_sigma_um
from napari_restoration.tasks.sample_planes import planes_of

if TYPE_CHECKING:
    from napari_restoration.degradations.estimates.flaws import Flaws
    from napari_restoration.degradations.estimates.motion import BlurKind

Severity = Literal["problem", "note", "good"]

# 99.9th percentile less background over the noise of a pixel.
_NOISY_BELOW = 20.0
_VERY_NOISY_BELOW = 8.0
_SATURATED_SHARE = 0.01
_DARK_SHARE = 0.02
_CORRELATED = 0.1
# An image up to so many times softer than its lens has no defocus worth speaking of.
_SOFTER_THAN_THE_LENS = 1.5
# Variance of a pixel's area along one axis.
_PIXEL_SIGMA_PX = 12**-0.5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    kind
        ``"missing"``, ``"constant"``, ``"empty"``, ``"saturated"``, ``"dark_clipped"``, ``"processed"``, ``"motion"``,
        ``"blur"``, ``"noise"`` or ``"undersampled"``.
    severity
        ``"problem"``, ``"note"``, or ``"good"`` for what is in order.
    words
        A sentence.
    value, unit
        The number behind it, if there is one.
    """

    kind: str
    severity: Severity
    words: str
    value: float | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What was found in one plane of an image.

    Attributes
    ----------
    findings
        What matters most comes first.
    task, model
        The restoration that fits, and the model to begin with; ``None`` if there is nothing to restore, or no way to.
    advice
        What to do, in a sentence or two.
    position
        The plane that was looked at.
    """

    findings: tuple[Finding, ...]
    task: str | None
    model: str | None
    advice: str
    position: Mapping[str, int] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Everything in sentences."""
        return " ".join([*(finding.words for finding in self.findings), self.advice])

    @property
    def main(self) -> str:
        """Kind of the gravest problem, ``"good"`` if there is none."""
        return next((one.kind for one in self.findings if one.severity == "problem"), "good")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {**asdict(self), "position": dict(self.position), "main": self.main, "words": self.words}


def diagnose(
    image: CalibratedImage,
    *,
    at: Mapping[str, int] | None = None,
    na: float | None = None,
    wavelength_um: float | None = None,
) -> Diagnosis:
    """Look at one plane of an image and say what is wrong with it.

    Parameters
    ----------
    image : CalibratedImage
        Not in colour; raw grey levels tell most.
    at : mapping of str to int, optional
        Position of the plane; the middle by default.
    na, wavelength_um : float, optional
        Numerical aperture and emission wavelength in um. With them and the pixel size, blur is held against what the
        lens can resolve.

    Raises
    ------
    InputError
        If the image is in colour or smaller than 32 pixels, or the optics is impossible.
    """
    return run(iter_diagnose(image, at=at, na=na, wavelength_um=wavelength_um))


def iter_diagnose(
    image: CalibratedImage,
    *,
    at: Mapping[str, int] | None = None,
    na: float | None = None,
    wavelength_um: float | None = None,
) -> Task[Diagnosis]:
    """Diagnose as a task that can be watched and stopped; see `diagnose`."""
    from napari_restoration.degradations.estimates.flaws import find_flaws
    from napari_restoration.degradations.estimates.motion import classify_blur

    position = {
        axis: (at or {}).get(axis, image.size_of(axis) // 2) for axis in image.axes if axis not in "YX"
    }
    plane = planes_of(image, position)[0]
    lens_px = _lens_sigma_px(image, na, wavelength_um)
    yield Progress(done=0, total=2, message="Measuring noise and grey levels")
    flaws = find_flaws(plane)
    findings = [*_about_pixels(plane), *_about_levels(flaws)]
    if flaws.is_constant or flaws.is_empty:
        advice = "There is nothing to restore: choose another plane, or expose longer."
        return _concluded(findings, None, advice, position)
    yield Progress(done=1, total=2, message="Measuring blur and motion")
    kind = classify_blur(plane)
    findings += _about_blur(kind, image.pixel_size_um.get("X"), lens_px)
    findings += [*_about_noise(flaws), *_about_processing(flaws)]
    return _concluded(findings, *_choice(findings), position)


def _lens_sigma_px(image: CalibratedImage, na: float | None, wavelength_um: float | None) -> float | None:
    """Width of the sharpest image the lens can make, in pixels, if optics and pixel size are known."""
    if na is None or wavelength_um is None:
        return None
    if not (0.01 <= na <= 2.0 and 0.1 <= wavelength_um <= 2.0):
        raise InputError(
            f"NA {na:g} at {wavelength_um:g} um is no optics of a microscope: give the NA engraved on the objective "
            "and the wavelength in micrometres, such as 0.52."
        )
    pixel = image.pixel_size_um.get("X")
    if pixel is None:
        return None
    return float(np.hypot(gaussian_sigma_um(na, wavelength_um) / pixel, _PIXEL_SIGMA_PX))


def _about_pixels(plane: npt.NDArray[Any]) -> list[Finding]:
    missing = int(plane.size - np.count_nonzero(np.isfinite(plane)))
    if not missing:
        return []
    words = f"{missing} pixels are missing (NaN or infinite)."
    return [Finding(kind="missing", severity="note", words=words, value=float(missing), unit="pixels")]


def _about_levels(flaws: Flaws) -> list[Finding]:
    if flaws.is_constant:
        return [Finding(kind="constant", severity="problem", words="Every pixel has the same value.")]
    found = []
    if flaws.is_empty:
        words = "The plane holds nothing but noise."
        found.append(Finding(kind="empty", severity="problem", words=words))
    if flaws.saturated_share > 0:
        share = flaws.saturated_share
        words = f"{_percent(share)} of the pixels are saturated at {flaws.saturation_level:g}; what they held is lost."
        severity: Severity = "problem" if share >= _SATURATED_SHARE else "note"
        found.append(
            Finding(kind="saturated", severity=severity, words=words, value=share, unit="of the pixels")
        )
    if flaws.clipped_dark_share >= _DARK_SHARE:
        share = flaws.clipped_dark_share
        words = f"{_percent(share)} of the pixels are cut off at the darkest level, {flaws.dark_level:g}."
        found.append(
            Finding(kind="dark_clipped", severity="note", words=words, value=share, unit="of the pixels")
        )
    return found


def _about_processing(flaws: Flaws) -> list[Finding]:
    """What was done to the image since the camera; it also makes fine detail that looks like coarse pixels."""
    correlation = flaws.noise_correlation
    if correlation is None or abs(correlation) <= max(
        _CORRELATED, 5 * (flaws.noise_correlation_error or 0.0)
    ):
        return _about_sampling(flaws, "problem")
    how = "smoothed, resampled or compressed" if correlation > 0 else "sharpened"
    words = (
        f"The noise of neighbouring pixels is correlated ({correlation:+.2f}): the image was {how}, or its detail "
        "is as fine as its pixels."
    )
    found = Finding(kind="processed", severity="note", words=words, value=correlation)
    return [found, *_about_sampling(flaws, "note")]


def _about_blur(kind: BlurKind, pixel_um: float | None, lens_px: float | None) -> list[Finding]:
    if kind.kind == "motion":
        length = kind.motion.length_px
        degrees = np.degrees(kind.motion.angle_rad)
        way = f"{length:.1f} px{_in_um(length, pixel_um)} at {degrees:.0f} degrees"
        words = f"The image moved by {way} (0 along x, 90 down)."
        return [Finding(kind="motion", severity="problem", words=words, value=length, unit="px")]
    if kind.kind == "unknown":
        return [Finding(kind="blur", severity="note", words=f"The blur cannot be told: {kind.words}")]
    sigma = kind.blur.sigma_px
    width = f"{sigma:.1f} px{_in_um(sigma, pixel_um)}"
    is_soft = kind.kind == "defocus"
    held = ""
    if lens_px is not None:
        is_soft = sigma > _SOFTER_THAN_THE_LENS * lens_px
        held = f", {sigma / lens_px:.1f} times what the lens can do"
    if is_soft:
        words = f"The image is blurred in all directions, by {width}{held}: out of focus, or a thick or soft sample."
        return [Finding(kind="blur", severity="problem", words=words, value=sigma, unit="px")]
    return [
        Finding(
            kind="blur", severity="good", words=f"It is sharp: blur of {width}{held}.", value=sigma, unit="px"
        )
    ]


def _about_noise(flaws: Flaws) -> list[Finding]:
    ratio = flaws.signal_to_noise
    if ratio is None:
        return [Finding(kind="noise", severity="good", words="There is no noise.")]
    if ratio >= _NOISY_BELOW:
        words = f"There is little noise: the brightest structures stand {ratio:.0f} times above it."
        return [Finding(kind="noise", severity="good", words=words, value=ratio)]
    how = "very noisy" if ratio < _VERY_NOISY_BELOW else "noisy"
    words = f"The image is {how}: the brightest structures stand {ratio:.1f} times above the noise."
    return [Finding(kind="noise", severity="problem", words=words, value=ratio)]


def _about_sampling(flaws: Flaws, severity: Severity) -> list[Finding]:
    if not flaws.is_undersampled:
        return []
    words = (
        f"The pixels are too coarse for the detail ({_percent(flaws.nyquist_share)} of the signal lies at the finest "
        "frequencies): some of it may be false."
    )
    return [Finding(kind="undersampled", severity=severity, words=words, value=flaws.nyquist_share)]


_TASKS = {"motion": "deblur", "blur": "refocus", "noise": "denoise"}
_ADVICE = {
    "deblur": "Deblur it; frames of one burst together give most.",
    "refocus": "Refocus it, and look at another plane of the stack, if there is one.",
    "denoise": "Denoise it.",
}


def _choice(findings: list[Finding]) -> tuple[str | None, str]:
    """The task for the gravest problem that a model can do something about, and the advice."""
    problems = [finding.kind for finding in findings if finding.severity == "problem"]
    task = next((_TASKS[kind] for kind in problems if kind in _TASKS), None)
    if task is not None:
        return task, _ADVICE[task]
    if "undersampled" in problems:
        return None, "Acquire it with smaller pixels: no model removes false detail."
    if problems:
        return None, "Acquire it again with less light or gain, if you can."
    return None, "Nothing needs restoring."


def _concluded(
    findings: list[Finding], task: str | None, advice: str, position: Mapping[str, int]
) -> Diagnosis:
    from napari_restoration.models.registry import default_model

    model = None
    if task is not None:
        try:
            model = default_model(task)
        except ModelError:
            advice = f"{advice} No model for it is installed."
    order = {"problem": 0, "note": 1, "good": 2}
    ordered = tuple(sorted(findings, key=lambda finding: order[finding.severity]))
    return Diagnosis(findings=ordered, task=task, model=model, advice=advice, position=dict(position))


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _in_um(length_px: float, pixel_um: float | None) -> str:
    return f" ({length_px * pixel_um:.3g} um)" if pixel_um is not None else ""
