"""What is wrong with a pair, in words, and what can be done about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.tasks.pair_measures import Measures
from napari_restoration.tasks.pair_scan import Scan
from napari_restoration.training.pairs.pair import SCALES, Pair

KINDS = (
    "lone_input", "lone_target", "ambiguous", "unreadable", "shape", "planes", "channels", "odd_scale", "dtype",
    "missing", "constant", "identical", "swapped", "saturated", "empty", "unrelated", "shift", "intensity", "nonlinear",
    "inverted", "duplicate", "leak", "super_resolution",
)  # fmt: skip
"""What can be found."""
FIXES = ("leave_out", "crop", "fill", "swap", "register", "fit")
"""What can be done: leave the pair out; crop both images to their common size; fill missing pixels; exchange input
and target; move the target onto the input; map the target's intensities to the input's."""

# A sharpened target may be noisier than its input: 9 times in the worst of the real pairs.
_FAR_NOISIER = 12.0
# Shares of the image up to which cropping mends a wrong size, and beyond which a shift is no drift.
_MOST_CROPPED, _LARGEST_SHIFT = 0.1, 0.1


@dataclass(frozen=True, kw_only=True)
class PairLimits:
    """From where on something is worth a word.

    Attributes
    ----------
    shift_px
        Shift between input and target, in input pixels.
    saturated_share, empty_share
        Of the pixels, and of the patches.
    patch
        Side of these patches, in target pixels.
    """

    shift_px: float = 0.5
    saturated_share: float = 0.01
    empty_share: float = 0.5
    patch: int = 64

    def __post_init__(self) -> None:
        for name in ("shift_px", "saturated_share", "empty_share"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise InputError(
                    f"The limit {name} is {getattr(self, name)}, but must be a number of at least 0."
                )
        if self.patch < 24:
            raise InputError(f"The patches are {self.patch} pixels wide, but must have at least 24.")


@dataclass(frozen=True, kw_only=True)
class PairFinding:
    """One thing about one pair, or about the set.

    Attributes
    ----------
    pair
        Name of the pair; empty if it concerns the set.
    kind
        One of `KINDS`.
    severity
        ``"error"`` (must not be trained on as it is), ``"warning"`` or ``"note"``.
    words, advice
        What was found, and what to do: a sentence each.
    value, unit
        The number behind it, if there is one.
    fix
        One of `FIXES`, or ``None`` if nothing automatic helps.
    """

    pair: str
    kind: str
    severity: str
    words: str
    advice: str
    value: float | None = None
    unit: str = ""
    fix: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


def judge_shapes(pair: Pair) -> list[PairFinding]:
    """Findings that need no pixel. An error here means that the pair cannot be measured."""
    given, target = pair.input, pair.target
    for axis, what in (("C", "channel"), ("S", "colour sample")):
        one, other = given.size_of(axis), target.size_of(axis)
        if one != other:
            return [
                _finding(
                    pair, "channels", "error", f"The input has {_counted(one, what)}, the target {other}.",
                    "Take the same channels of both.", fix="leave_out",
                )
            ]  # fmt: skip
    if pair.scale is None:
        words = (
            f"The input has {_times(given.plane_shape)} pixels, the target {_times(target.plane_shape)}: no whole "
            "ratio from 1 to 4."
        )
        crop = croppable_scale(pair)
        advice = (
            "Check that they belong together; cropping both to their common size helps if they start alike."
        )
        if crop is None:
            advice = "Check that they belong together, and resample one of them."
        return [_finding(pair, "shape", "error", words, advice, fix="crop" if crop else "leave_out")]
    if trouble := pair.trouble():
        return [
            _finding(pair, "planes", "error", f"{trouble[0].upper()}{trouble[1:]}.", "Take the same planes of both.",
                     fix="leave_out")
        ]  # fmt: skip
    return []


def croppable_scale(pair: Pair) -> int | None:
    """The whole ratio that cropping at most a tenth of each side would make."""
    for scale in SCALES:
        kept = [
            min(n, m // scale) for n, m in zip(pair.input.plane_shape, pair.target.plane_shape, strict=True)
        ]
        if all(
            k >= (1 - _MOST_CROPPED) * max(n, m / scale)
            for k, n, m in zip(kept, pair.input.plane_shape, pair.target.plane_shape, strict=True)
        ):
            return scale
    return None


def judge_scan(pair: Pair, found: tuple[Scan, Scan, bool], limits: PairLimits) -> list[PairFinding]:
    """Findings from every pixel. An error that is to be left out means that no more can be measured."""
    findings = []
    for what, one in (("input", found[0]), ("target", found[1])):
        if one.missing_share == 1:
            words = f"The {what} has no finite pixel."
            return [_finding(pair, "missing", "error", words, "Leave the pair out.", 1.0, fix="leave_out")]
        if one.is_constant:
            words = f"The {what} has one value only."
            return [_finding(pair, "constant", "error", words, "Leave the pair out.", fix="leave_out")]
        if one.missing_share > 0:
            words = f"{100 * one.missing_share:.2g}% of the {what}'s pixels are NaN or infinite."
            advice = "Fill them from their neighbours, or leave the pair out."
            findings.append(
                _finding(pair, "missing", "warning", words, advice, one.missing_share, fix="fill")
            )
        if one.saturated_share > limits.saturated_share:
            words = f"{one.saturated_share:.1%} of the {what}'s pixels are saturated."
            advice = "Their brightness is not known; take it with less exposure, or leave the pair out."
            findings.append(_finding(pair, "saturated", "warning", words, advice, one.saturated_share))
    if found[2]:
        words = "Input and target are the same image."
        findings.append(_finding(pair, "identical", "error", words, "Leave the pair out.", fix="leave_out"))
    return findings


def judge_measures(pair: Pair, planes: Sequence[Measures], limits: PairLimits) -> list[PairFinding]:
    """Findings from planes that were measured; of several planes the median counts."""
    empty = float(np.median([one.empty_share for one in planes]))
    if empty == 1:
        return [
            _finding(pair, "empty", "error", "The target shows nothing but noise.", "Leave the pair out.", 1.0,
                     "of the patches", "leave_out")
        ]  # fmt: skip
    if all(one.agreement < -max(one.chance, 0.3) for one in planes):
        words = "What is bright in the input is dark in the target."
        return [
            _finding(pair, "inverted", "warning", words, "Invert one of them, unless this is to be learned.")
        ]
    if all(one.agreement < max(one.chance, 0.1) for one in planes):
        best = max(one.agreement for one in planes)
        words = f"Input and target have no structure in common (correlation {best:.2f})."
        advice = (
            "Check that the two show one field; a wrong name or a shift of more than a quarter does this."
        )
        return [_finding(pair, "unrelated", "error", words, advice, best, "correlation", "leave_out")]
    findings = _judge_shift(pair, planes, limits)
    if empty > limits.empty_share:
        words = f"{empty:.0%} of the target's patches show nothing but noise."
        advice = "Patches are drawn where there is structure; crop the images if most of them is empty."
        findings.append(_finding(pair, "empty", "note", words, advice, empty, "of the patches"))
    swapped = _judge_swap(pair, planes)
    return [*findings, *([swapped] if swapped else []), *_judge_brightness(pair, planes)]


def _judge_shift(pair: Pair, planes: Sequence[Measures], limits: PairLimits) -> list[PairFinding]:
    shifts = np.median([one.alignment.shift_px for one in planes], axis=0)
    error = float(np.median([one.alignment.error_px for one in planes]))
    length = float(np.hypot(*shifts))
    if not length > max(limits.shift_px, 3 * error):
        return []
    # Adding 0 turns -0.0 into 0.0.
    down, across = (0.0 + round(-float(shift), 2) for shift in shifts)
    words = (
        f"The target is shifted by {length:.2f} ± {error:.2f} px against the input: {down:+.2f} px along Y, "
        f"{across:+.2f} px along X."
    )
    if max(abs(float(s)) / n for s, n in zip(shifts, pair.input.plane_shape, strict=True)) > _LARGEST_SHIFT:
        advice = "More than a tenth of the image: check that the two belong together, or take them again."
        return [_finding(pair, "shift", "error", words, advice, length, "px", "leave_out")]
    advice = "Register: whole pixels are cropped from both, the rest is interpolated in the target."
    return [_finding(pair, "shift", "warning", words, advice, length, "px", "register")]


def _judge_swap(pair: Pair, planes: Sequence[Measures]) -> PairFinding | None:
    """A target that is noisier and not sharper, or clearly more blurred, than its input."""
    ratio = float(np.median([one.noise_ratio for one in planes]))
    told = [one for one in planes if one.blur_of_input is not None and one.blur_of_target is not None]
    sharper = blurred = False
    beyond = 0.0
    for one in told[len(told) // 2 : len(told) // 2 + 1]:
        assert one.blur_of_input is not None
        assert one.blur_of_target is not None
        sharper = one.blur_of_input.low_px > max(one.blur_of_target.high_px, 0.5)
        blurred = one.blur_of_target.is_reliable and one.blur_of_target.low_px > max(
            one.blur_of_input.high_px, 1.0
        )
        beyond = one.blur_of_target.sigma_px
    # Beside much more noise in one of them, the other's blur cannot be told: noise hides detail as blur does.
    if ratio > _FAR_NOISIER or ratio < 1 / _FAR_NOISIER:
        sharper = blurred = False
    if blurred and not ratio > 1.5:
        words = f"The target is more blurred than the input, by {beyond:.1f} px."
        value, unit = beyond, "px"
    elif ratio > 1.5 and not sharper:
        words, value, unit = f"The target is noisier than the input, {ratio:.1f} times.", ratio, "times"
    else:
        return None
    return _finding(
        pair,
        "swapped",
        "error",
        words,
        "Input and target seem exchanged: swap them if so.",
        value,
        unit,
        "swap",
    )


def _judge_brightness(pair: Pair, planes: Sequence[Measures]) -> list[PairFinding]:
    one = sorted(planes, key=lambda p: p.gain)[len(planes) // 2]
    relation = f"target = {one.gain:.3g} x input {one.offset:+.3g}"
    if one.is_bent:
        words = f"The target's brightness bends away from a line of the input's, by {one.curvature:.0%} of the range."
        advice = "Gamma, contrast stretching or saturation do this; take both from raw data."
        return [_finding(pair, "nonlinear", "warning", words, advice, one.curvature, "of the range")]
    if abs(math.log(max(one.gain, 1e-12))) > math.log(1.25):
        words = f"The two are on different scales: {relation}."
        advice = "Map the target to the input's intensities by this gain and offset."
        return [_finding(pair, "intensity", "note", words, advice, one.gain, "gain", "fit")]
    return []


def _finding(
    pair: Pair,
    kind: str,
    severity: str,
    words: str,
    advice: str,
    value: float | None = None,
    unit: str = "",
    fix: str | None = None,
) -> PairFinding:
    return PairFinding(
        pair=pair.name,
        kind=kind,
        severity=severity,
        words=words,
        advice=advice,
        value=value,
        unit=unit,
        fix=fix,
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _times(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
