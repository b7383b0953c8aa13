"""What is wrong with an image, in plain words with numbers, and which restoration fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.normalize import check_exact
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.degradations.psf import gaussian_sigma_um
from napari_restoration.tasks.findings import (
    Finding,
    Scale,
    about_levels,
    about_lone_pixels,
    about_noise,
    about_sampling,
    about_sharpness,
    gravest_first,
    is_remade,
)
from napari_restoration.tasks.sample_planes import check_measurable, middle_of

__all__ = ["Diagnosis", "Finding", "diagnose", "iter_diagnose"]

# Standard deviation of a pixel's width.
_PIXEL_SIGMA_PX = 12**-0.5
_NOUNS = {"T": "time points", "Z": "planes", "C": "channels"}


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
        findings = [asdict(finding) for finding in self.findings]
        return {
            "main": self.main, "task": self.task, "model": self.model, "advice": self.advice, "words": self.words,
            "position": dict(self.position), "findings": findings,
        }  # fmt: skip


def diagnose(
    image: CalibratedImage,
    *,
    at: Mapping[str, int] | None = None,
    na: float | None = None,
    wavelength_um: float | None = None,
) -> Diagnosis:
    """Look at one plane of an image and say what is wrong with it.

    Only that plane is read; of sides above 1024 pixels its middle is looked at.

    Parameters
    ----------
    image : CalibratedImage
        Not in colour; raw grey levels tell most. With its pixel size, lengths are given in um too.
    at : mapping of str to int, optional
        Position of the plane along T, Z and C, counted from 0; where it says nothing, the first channel and the middle
        of the other axes.
    na, wavelength_um : float, optional
        Numerical aperture and emission wavelength in um, both or none. With them blur is held against what the lens can
        resolve (the Gaussian fit to its Airy pattern of `gaussian_sigma_um`, and the pixel's width).

    Raises
    ------
    InputError
        If the image is in colour, smaller than 32 pixels or without a finite pixel there, the position does not exist,
        the optics is impossible, or it is given for an image without a pixel size.
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
    from napari_restoration.degradations.estimates.lone import without_lone_pixels
    from napari_restoration.degradations.estimates.motion import classify_blur

    scale = _scale(image, na, wavelength_um)
    position = _position(image, at or {})
    plane, lone = without_lone_pixels(_read_plane(image, position))
    yield Progress(done=0, total=2, message="Measuring noise and grey levels")
    flaws = find_flaws(plane)
    findings = [*about_lone_pixels(lone), *about_levels(plane, flaws)]
    if flaws.is_constant or flaws.is_empty:
        advice = "There is nothing to restore: choose another plane, or expose longer."
        return _concluded(findings, None, advice, position)
    yield Progress(done=1, total=2, message="Measuring blur and motion")
    findings += about_sharpness(classify_blur(plane), scale, is_remade=is_remade(flaws))
    # Detail that is too fine for the pixels passes for noise, but never the other way round.
    findings += [*about_sampling(flaws), *about_noise(plane, flaws)]
    return _concluded(findings, *_choice(findings, image.size_of("T")), position)


def _scale(image: CalibratedImage, na: float | None, wavelength_um: float | None) -> Scale:
    """Pixel size and the sharpest image of the lens, as far as they are known."""
    scale = Scale(pixel_y_um=image.pixel_size_um.get("Y"), pixel_x_um=image.pixel_size_um.get("X"))
    if na is None and wavelength_um is None:
        return scale
    if na is None or wavelength_um is None:
        raise InputError("NA and wavelength say what the lens can do only together: give both, or none.")
    if not 0.01 <= na <= 1.7:
        raise InputError(
            f"NA {na:g} is impossible: give the one engraved on the objective, from 0.01 to 1.7."
        )
    if not 0.1 <= wavelength_um <= 2.0:
        meant = f"; {wavelength_um:g} nm are {wavelength_um / 1000:g} um" if wavelength_um >= 100 else ""
        raise InputError(
            f"A wavelength of {wavelength_um:g} um is no light of a microscope: give it in micrometres, "
            f"from 0.1 to 2{meant}."
        )
    pixel_um = scale.in_um(1.0)
    if pixel_um is None:
        raise InputError(
            f"{image.name!r} has no pixel size, without which NA and wavelength mean nothing: give the pixel size too."
        )
    sharpest_px = gaussian_sigma_um(na, wavelength_um) / pixel_um
    return replace(scale, lens_px=float(np.hypot(sharpest_px, _PIXEL_SIGMA_PX)))


def _position(image: CalibratedImage, at: Mapping[str, int]) -> dict[str, int]:
    """Where to look along every axis but Y, X and S, checked."""
    looked_along = [axis for axis in image.axes if axis not in "YXS"]
    for axis, index in at.items():
        if axis not in looked_along:
            known = f"it can be set along {', '.join(looked_along)}" if looked_along else "it has one plane"
            raise InputError(f"{image.name!r} has no position {axis}={index}: {known}.")
        if not 0 <= index < image.size_of(axis):
            raise InputError(
                f"{image.name!r} has no position {axis}={index}: it has {image.size_of(axis)} {_NOUNS[axis]}, "
                "counted from 0."
            )
    middle = {axis: 0 if axis == "C" else image.size_of(axis) // 2 for axis in looked_along}
    return {axis: int(at.get(axis, middle[axis])) for axis in looked_along}


def _read_plane(image: CalibratedImage, position: Mapping[str, int]) -> npt.NDArray[Any]:
    check_measurable(image)
    plane = middle_of(image, position)
    if plane.dtype.kind in "iu":
        check_exact(plane)
    if not np.isfinite(plane).any():
        raise InputError(f"The plane of {image.name!r} holds no finite pixel: choose another one.")
    return plane.astype(np.float32) if plane.dtype.kind == "f" else plane


_TASKS = {"motion": "deblur", "blur": "refocus", "noise": "denoise"}
_ADVICE = {
    "deblur": "Deblur it.",
    "refocus": "Refocus it, and look at another plane of the stack, if there is one.",
    "denoise": "Denoise it.",
}


def _choice(findings: list[Finding], frames: int) -> tuple[str | None, str]:
    """The task for the gravest problem that a model can do something about, and the advice."""
    problems = [finding.kind for finding in findings if finding.severity == "problem"]
    task = next((_TASKS[kind] for kind in problems if kind in _TASKS), None)
    advice = []
    if "saturated" in problems:
        advice.append("Acquire it again with less light or gain, if you can.")
    if "undersampled" in problems:
        advice.append("Acquire it with smaller pixels, if you can: no model removes false detail.")
    if task is not None:
        advice.append(_ADVICE[task])
    if task == "deblur" and frames < 2:
        advice.append("A burst of several frames of the same field would give more.")
    if task in ("refocus", "deblur") and "noise" in problems:
        advice.append("It is noisy as well, so expect less detail.")
    if not problems:
        good = {finding.kind for finding in findings if finding.severity == "good"}
        unsure = [what for kind, what in (("noise", "noise"), ("blur", "sharpness")) if kind not in good]
        by_eye = f"; judge its {' and '.join(unsure)} by eye" if unsure else ""
        advice.append(f"Nothing was found that needs restoring{by_eye}.")
    return task, " ".join(advice)


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
    return Diagnosis(
        findings=gravest_first(findings), task=task, model=model, advice=advice, position=dict(position)
    )
