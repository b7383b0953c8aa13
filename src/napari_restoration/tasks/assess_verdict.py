"""From scores of held-out images to a verdict: the test that was stated beforehand, and what it means in words."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_restoration.tasks.assessment import Assessment, ImageScores, Unit, Verdict

ENOUGH_FIELDS = 6
"""Fewest fields of view whose means are tested; six that agree just reach p < 0.05."""

BLOCK_SIDES = (128, 96, 64)
"""Sides of blocks in input pixels, where there are fewer fields."""

LEAST_P, LEAST_GAIN_DB = 0.05, 0.1
"""What a verdict needs: p below the first, and a mean difference of the second at least."""

_WANTED_BLOCKS = 12


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One held-out image.

    Attributes
    ----------
    scores : ImageScores
    blocks : mapping of int to sequence of float
        By side of the blocks in input pixels: difference in PSNR in dB of each block with structure.
    """

    scores: ImageScores
    blocks: Mapping[int, Sequence[float]]

    @property
    def gain_db(self) -> float:
        """After minus before, or minus the input where there is no model before."""
        one = self.scores
        base = one.psnr_before if one.psnr_before is not None else one.psnr_input
        return (one.psnr_after or 0.0) - (base or 0.0)

    @property
    def ssim_gain(self) -> float | None:
        """The same of SSIM."""
        one = self.scores
        base = one.ssim_before if one.psnr_before is not None else one.ssim_input
        return one.ssim_after - base if one.ssim_after is not None and base is not None else None


def conclude(
    images: Sequence[Compared], *, before: str | None, after: str, affine: bool, untouched: bool = False,
    steps: int = 1, parts: bool = False, known: int = 0,
) -> Assessment:  # fmt: skip
    """Test whether the model after is better than the one before.

    Parameters
    ----------
    images : sequence of Compared
        Of fields of view that training has not seen.
    before, after : str
        Ids of the models; None: compared with the input.
    affine : bool
        How PSNR was taken.
    untouched : bool
        Training handed back the weights that it started from.
    steps : int
        How many it took.
    parts, known
        See `Assessment`.

    Notes
    -----
    The test is Wilcoxon's signed-rank test, two-sided. With six fields of view or more it runs over their mean
    differences; with fewer over blocks, and then each field's mean must point the same way too.
    """
    fields: dict[str, list[float]] = {}
    for one in images:
        fields.setdefault(one.scores.field, []).append(one.gain_db)
    means = [statistics.fmean(gains) for gains in fields.values()]
    common: dict[str, Any] = {
        "images": tuple(one.scores for one in images), "before_model": before, "after_model": after,
        "fields": len(fields), "affine": affine,
        "parts": parts, "known": known,
    }  # fmt: skip
    kept = (_UNTOUCHED if steps else _NO_STEP) if untouched else ""
    side, blocks = _blocks(images)
    unit: Unit = "image" if len(means) >= ENOUGH_FIELDS else "block"
    units = means if unit == "image" else blocks
    if len(units) < 2:
        return Assessment(**common, unit=unit, units=len(units), words=_not_assessed(len(images), kept))
    similar = [gain for one in images if (gain := one.ssim_gain) is not None]
    found = Assessment(
        **common, unit=unit, units=len(units), mean_gain_db=statistics.fmean(means),
        spread_db=statistics.stdev(units), ssim_gain=statistics.fmean(similar) if similar else None,
        p_value=signed_rank(units)[0], verdict=decide(units, means),
    )  # fmt: skip
    return Assessment(**{**vars(found), "words": kept + _words(found, side, units, means)})


def decide(units: Sequence[float], fields: Sequence[float]) -> Verdict:
    """The verdict from differences in PSNR, after minus before.

    Parameters
    ----------
    units : sequence of float
        What the test counts: the fields' means, or blocks.
    fields : sequence of float
        Mean difference of each field of view.
    """
    p, direction = signed_rank(units)
    mean = statistics.fmean(fields)
    if p >= LEAST_P or abs(mean) < LEAST_GAIN_DB or mean * direction <= 0:
        return "no clear difference"
    if len(fields) < ENOUGH_FIELDS and not _agree(fields):
        return "no clear difference"
    return "better" if mean > 0 else "worse"


def signed_rank(differences: Sequence[float]) -> tuple[float, float]:
    """Two-sided p value of Wilcoxon's signed-rank test, and which way it points (-1, 0 or 1).

    Differences of 0 are left out, as Wilcoxon did; if nothing is left, p is 1.
    """
    from scipy import stats

    own = np.array([one for one in differences if one != 0], dtype=np.float64)
    if own.size == 0:
        return 1.0, 0.0
    ranks = stats.rankdata(np.abs(own))
    return float(stats.wilcoxon(own).pvalue), float(np.sign(np.sum(ranks * np.sign(own))))


def _agree(fields: Sequence[float]) -> bool:
    return all(mean > 0 for mean in fields) or all(mean < 0 for mean in fields)


def _blocks(images: Sequence[Compared]) -> tuple[int, list[float]]:
    """The largest blocks of which there are enough, else the smallest, and their differences."""
    sides = sorted({side for one in images for side in one.blocks}, reverse=True)
    for side in sides:
        gains = [gain for one in images for gain in one.blocks.get(side, ())]
        if len(gains) >= _WANTED_BLOCKS or side == sides[-1]:
            return side, gains
    return 0, []


def _not_assessed(images: int, kept: str) -> str:
    if not images:
        return (
            f"{kept}No image was held out of training, so nothing can be said on whether the new model restores "
            "others better. Train with more fields of view, or give images for validation."
        )
    return (
        f"{kept}What was held out of training has a single part with structure, which is too little to judge by. Train "
        "with more fields of view, or give images for validation."
    )


_NO_STEP = "Training ended before its first step, so that the weights are those it started from. "
_UNTOUCHED = "Training found no better weights than those it started from and kept them. "


def _words(found: Assessment, side: int, units: Sequence[float], means: Sequence[float]) -> str:
    other = found.before_model or "the input as it is"
    gain, fitted = found.mean_gain_db or 0.0, " after the best gain and offset" if found.affine else ""
    where = f"On {images_in_words(found)}"
    change = f"PSNR{fitted} is {abs(gain):.2f} dB {'higher' if gain > 0 else 'lower'}"
    if abs(gain) < 0.005:
        change = f"PSNR{fitted} differs by less than 0.01 dB"
    if found.verdict == "better":
        said = f"{where} the new model comes closer to the targets than {other}: {change} on average"
    elif found.verdict == "worse":
        said = f"{where} the new model stays farther from the targets than {other}: {change} on average"
    else:
        said = f"{where} there is no clear difference between the new model and {other}: {change} on average"
    sentences = [
        f"{said}{_ssim_words(found)}.",
        f"{_test_words(found, side)}{_why_not(found, means)}.",
        _limits(found),
        *(filter(None, [known_in_words(found)])),
    ]
    return " ".join(sentences)


def _test_words(found: Assessment, side: int) -> str:
    p = found.p_value if found.p_value is not None else 1.0
    counted = (
        f"the means of {found.units} fields"
        if found.unit == "image"
        else f"{found.units} blocks of {side} x {side} pixels"
    )
    return f"Wilcoxon's signed-rank test over {counted} gives {p_words(p)}"


def p_words(p: float) -> str:
    """A p value as papers print it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.0995 else f"p = {p:.2f}"


def _why_not(found: Assessment, means: Sequence[float]) -> str:
    p, gain = found.p_value if found.p_value is not None else 1.0, found.mean_gain_db or 0.0
    if found.verdict != "no clear difference":
        return ""
    if p >= LEAST_P and found.units < ENOUGH_FIELDS:
        return f", and with fewer than {ENOUGH_FIELDS} it cannot come out otherwise"
    if p < LEAST_P and abs(gain) < LEAST_GAIN_DB:
        return f", but less than {LEAST_GAIN_DB:g} dB is not counted as a difference"
    if p < LEAST_P and found.unit == "block" and not _agree(means):
        return ", but the fields of view point different ways"
    return "" if p >= LEAST_P else ", but the mean and most units point different ways"


def _ssim_words(found: Assessment) -> str:
    change, gain = found.ssim_gain, found.mean_gain_db or 0.0
    if change is None or change * gain >= 0 or abs(change) < 5e-4:
        return ""
    return f", but SSIM is {abs(change):.3f} {'higher' if change > 0 else 'lower'}"


def _limits(found: Assessment) -> str:
    chosen = (
        "the held-out parts also decided which weights were kept, and they say nothing about other fields of view."
        if found.parts
        else "the held-out images also decided which weights were kept, and they say nothing about other samples."
    )
    if found.unit == "block":
        return f"Blocks of one field of view are not independent, so that p comes out too small; {chosen}"
    return chosen[0].upper() + chosen[1:]


def images_in_words(found: Assessment) -> str:
    """What was held out: images of so many fields of view, or parts of images that were trained on."""
    count = len(found.images)
    if found.parts:
        rest = "the rest of which was" if count == 1 else "the rests of which were"
        return f"{_counted(count, 'held-out part')} of images, {rest} trained on,"
    return f"{_counted(count, 'held-out image')} of {_counted(found.fields, 'field')} of view"


def known_in_words(found: Assessment) -> str:
    """A sentence where the model before was trained on what is held out now; else nothing."""
    if not found.known:
        return ""
    what = "image" if not found.parts else "part"
    which = (
        f"all {len(found.images)} held-out {what}s" if found.known == len(found.images) > 1
        else f"the held-out {what}" if len(found.images) == 1
        else f"{found.known} of the {len(found.images)} held-out {what}s"
    )  # fmt: skip
    return (
        f"The model that training started from was trained on {which}: how the two do on images that are new is not "
        "known."
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
