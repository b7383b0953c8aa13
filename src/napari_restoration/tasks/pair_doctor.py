"""Examine training pairs: what is wrong with each, what to do, and whether validation shows what is trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.pair_findings import (
    FIXES,
    KINDS,
    PairFinding,
    PairLimits,
    judge_measures,
    judge_scan,
    judge_shapes,
)
from napari_restoration.tasks.pair_measures import MEASURED_SIDE, QUICK_SIDE, measure
from napari_restoration.tasks.pair_scan import chosen_planes, glance, scan
from napari_restoration.training.pairs.find import Found, find_pairs, pairs_of_images
from napari_restoration.training.pairs.leaks import Leak, iter_leaks
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.split import Split, split_pairs

__all__ = [
    "FIXES", "KINDS", "Found", "Pair", "PairFinding", "PairLimits", "PairReport", "Split", "examine",
    "find_pairs", "iter_check_pairs", "judge_set", "pairs_of_images", "split_pairs",
]  # fmt: skip

_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, kw_only=True)
class PairReport:
    """What was found.

    Attributes
    ----------
    pairs
        All pairs that were examined.
    findings
        Errors first, then warnings and notes; those of the set before those of single pairs.
    scale
        Target pixels an input pixel, of most pairs; ``None`` without a usable pair.
    """

    pairs: tuple[Pair, ...]
    findings: tuple[PairFinding, ...]
    scale: int | None

    @property
    def usable(self) -> tuple[Pair, ...]:
        """Pairs without an error, to train on as they are."""
        bad = {one.pair for one in self.findings if one.severity == "error"}
        return tuple(pair for pair in self.pairs if pair.name not in bad)

    @property
    def has_errors(self) -> bool:
        """Whether training should not start with these pairs."""
        return any(one.severity == "error" for one in self.findings)

    def of(self, pair: str) -> tuple[PairFinding, ...]:
        """Findings of one pair."""
        return tuple(one for one in self.findings if one.pair == pair)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "pairs": [pair.name for pair in self.pairs],
            "usable": [pair.name for pair in self.usable],
            "scale": self.scale,
            "findings": [one.to_dict() for one in self.findings],
        }


def iter_check_pairs(
    found: Found,
    *,
    validation: Found | None = None,
    limits: PairLimits | None = None,
) -> Task[PairReport]:
    """Examine pairs; every plane is read, one at a time, and nothing is changed.

    Parameters
    ----------
    found : Found
        From `find_pairs` or `pairs_of_images`.
    validation : Found, optional
        Pairs of a given split: searched for what the training pairs show, by equal pixels, overlap and source.
    limits : PairLimits, optional
        From where on something is worth a word.

    Yields
    ------
    Progress
        After each pair.

    Returns
    -------
    PairReport
        A table of findings with what to do.

    Raises
    ------
    InputError
        If there is no pair at all.
    """
    limits = PairLimits() if limits is None else limits
    findings = [
        PairFinding(
            pair="", kind=one.kind, severity="error", words=one.words,
            advice="Name both files alike, or leave it out.", fix="leave_out",
        )
        for one in found.unpaired
    ]  # fmt: skip
    if not found.pairs:
        reason = findings[0].words if findings else "There are no images."
        raise InputError(f"There is no pair to examine. {reason} Name input and target alike.")
    total = len(found.pairs)
    for number, pair in enumerate(found.pairs):
        findings += examine(pair, limits)
        yield Progress(done=number + 1, total=total, message=f"Examined {pair.name}")
    findings += judge_set(found.pairs)
    fit = [pair for pair in found.pairs if not pair.trouble()]
    findings += _as_duplicates((yield from iter_leaks(fit)))
    if validation is not None and fit:
        others = [pair for pair in validation.pairs if not pair.trouble()]
        findings += _as_leaks((yield from iter_leaks(fit, others)))
    findings.sort(key=lambda one: (_ORDER[one.severity], one.pair != "", one.pair))
    return PairReport(pairs=found.pairs, findings=tuple(findings), scale=_usual_scale(found.pairs))


def examine(pair: Pair, limits: PairLimits, *, quick: bool = False) -> list[PairFinding]:
    """Examine one pair.

    Parameters
    ----------
    pair : Pair
    limits : PairLimits
    quick : bool
        Look at some rows and at the middle of one plane, instead of every pixel and three planes. An error found
        so may be one of these parts alone.

    Returns
    -------
    list of PairFinding
        Those of the pair by itself; empty if all is well.
    """
    findings = judge_shapes(pair)
    if findings:
        return findings
    try:
        findings = judge_scan(pair, glance(pair) if quick else scan(pair), limits)
        if any(one.fix == "leave_out" for one in findings):
            return findings
        planes = [
            measure(pair, position, patch=limits.patch, side=QUICK_SIDE if quick else MEASURED_SIDE)
            for position in chosen_planes(pair, 1 if quick else 3)
        ]
    except InputError as error:
        return [
            *findings,
            PairFinding(
                pair=pair.name, kind="unreadable", severity="error", words=f"It cannot be examined: {error}",
                advice="Leave the pair out.", fix="leave_out",
            ),
        ]  # fmt: skip
    return [*findings, *judge_measures(pair, planes, limits)]


def judge_set(pairs: Sequence[Pair]) -> list[PairFinding]:
    """What sets a pair apart from the others: its scale, or the type of its pixels."""
    scale = _usual_scale(pairs)
    findings = []
    if scale is not None and scale > 1:
        words = f"Targets have {scale} x {scale} pixels for each pixel of the input."
        advice = f"These are pairs for super-resolution: train a model of scale {scale}."
        findings.append(
            PairFinding(
                pair="",
                kind="super_resolution",
                severity="note",
                words=words,
                advice=advice,
                value=float(scale),
            )
        )
    kinds = {
        side: _most_common([str(getattr(pair, side).dtype) for pair in pairs]) for side in ("input", "target")
    }
    for pair in pairs:
        if scale is not None and pair.scale not in (None, scale):
            words = f"Its target has {pair.scale} pixels along a pixel of the input, that of most pairs has {scale}."
            findings.append(
                _of_set(pair, "odd_scale", "error", words, "Train it apart, or leave it out.", "leave_out")
            )
        for side, common in kinds.items():
            dtype = str(getattr(pair, side).dtype)
            if dtype != common:
                words = f"Its {side} is of type {dtype}, that of most pairs {common}."
                advice = "Check that its grey levels mean the same, or leave it out."
                findings.append(_of_set(pair, "dtype", "warning", words, advice, None))
    return findings


def _of_set(pair: Pair, kind: str, severity: str, words: str, advice: str, fix: str | None) -> PairFinding:
    return PairFinding(pair=pair.name, kind=kind, severity=severity, words=words, advice=advice, fix=fix)


def _as_duplicates(leaks: Sequence[Leak]) -> list[PairFinding]:
    advice = "Keep them on one side of the split; name them as parts of one field, or leave one out."
    return [
        PairFinding(
            pair=one.other, kind="duplicate", severity="warning", words=one.words, advice=advice,
            fix="leave_out" if one.kind == "pixels" else None,
        )
        for one in leaks
    ]  # fmt: skip


def _as_leaks(leaks: Sequence[Leak]) -> list[PairFinding]:
    return [
        PairFinding(
            pair=one.one, kind="leak", severity="error", words=f"Training and validation share a field: {one.words}",
            advice="Leave the pair out of training, or out of validation.", fix="leave_out",
        )
        for one in leaks
    ]  # fmt: skip


def _usual_scale(pairs: Sequence[Pair]) -> int | None:
    scale: int | None = _most_common([pair.scale for pair in pairs if not pair.trouble()])
    return scale


def _most_common(values: Sequence[Any]) -> Any:
    return Counter(values).most_common(1)[0][0] if values else None
