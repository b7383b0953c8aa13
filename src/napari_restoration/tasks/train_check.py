"""Look at training pairs before training starts: what is wrong is told or refused, and pairs can be left out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Notice, Progress, Task

if TYPE_CHECKING:
    from napari_restoration.tasks.pair_findings import PairFinding
    from napari_restoration.training.material import Material
    from napari_restoration.training.pairs.pair import Pair

MOST_PAIRS = 16
"""Of a larger set so many pairs are looked at, spread over it."""
_MOST_NAMED = 8


def iter_check_material(material: Material, *, leave_out: Sequence[str] = ()) -> Task[Material]:
    """Look at the pairs that a run is to learn from, before it starts.

    At most `MOST_PAIRS` pairs are looked at, in one plane of each: some rows of all of it, and its middle. What
    looks like an error is then looked at in full, as `pair_doctor.iter_check_pairs` does. Copies, overlaps and
    pairs that teach nothing are left to the opening of the material, which finds them in all pairs.

    Parameters
    ----------
    material : Material
        Of folders that hold pairs; of others, the names of `leave_out` are checked alone.
    leave_out : sequence of str
        Pairs or good images not to be used, by file name, with or without the ending; those of the folder of
        validation as ``validation/NAME``.

    Yields
    ------
    Progress
        After each pair.
    Notice
        One for each kind of finding, and one if not all pairs were looked at.

    Returns
    -------
    Material
        With its `leave_out`.

    Raises
    ------
    InputError
        If pairs must not be trained on as they are: it names them and says what to do. If a pair to be left out is
        not there.
    """
    from napari_restoration.training.material import find_material
    from napari_restoration.training.pairs.folder import HELD

    chosen = replace(material, leave_out=tuple(dict.fromkeys((*material.leave_out, *leave_out))))
    if material.kind == "index":
        if chosen.leave_out:
            raise InputError(
                "Images of a folder with an index.csv are left out there: mark their rows as unused."
            )
        return chosen
    found = find_material(chosen)
    if material.kind != "pairs":
        return chosen
    everything = find_material(replace(chosen, leave_out=()))
    lone: list[tuple[str, list[str]]] = []
    pairs: list[Pair] = []
    for kept, every, prefix in zip(found, everything, ("", HELD), strict=True):
        if kept is None or every is None:
            continue
        lone += [(one.words, [f"{prefix}{name}" for name in one.names]) for one in kept.unpaired]
        # Drawn from all pairs, so that leaving one out brings no others into view.
        passed = {pair.name for pair in every.pairs} - {pair.name for pair in _spread(every.pairs)}
        pairs += [replace(one, name=f"{prefix}{one.name}") for one in kept.pairs if one.name not in passed]
    total = sum(len(one.pairs) for one in found if one is not None)
    findings = yield from _iter_findings(pairs)
    errors = [one for one in findings if one.severity == "error"]
    if lone or errors:
        lone += [(f"{one.pair!r}: {one.words}", [one.pair]) for one in errors]
        raise InputError(_refusal(lone, material))
    yield from _notices(findings, len(pairs), total, material)
    return chosen


def _spread(pairs: Sequence[Pair]) -> list[Pair]:
    places = np.linspace(0, len(pairs) - 1, min(MOST_PAIRS, len(pairs)))
    return [pairs[round(place)] for place in places]


def _iter_findings(pairs: Sequence[Pair]) -> Task[list[PairFinding]]:
    from napari_restoration.tasks.pair_doctor import examine, judge_set
    from napari_restoration.tasks.pair_findings import PairLimits

    limits = PairLimits()
    findings: list[PairFinding] = []
    for number, pair in enumerate(pairs):
        found = examine(pair, limits, quick=True)
        if any(one.severity == "error" for one in found):
            found = examine(pair, limits)
        findings += found
        yield Progress(done=number + 1, total=len(pairs), message=f"Looked at {pair.name}")
    return [*findings, *judge_set(pairs)]


def _refusal(errors: Sequence[tuple[str, Sequence[str]]], material: Material) -> str:
    """What is wrong, with the names that both ways out need."""
    told = " ".join(words for words, _ in errors[:_MOST_NAMED])
    more = f" And {len(errors) - _MOST_NAMED} more." if len(errors) > _MOST_NAMED else ""
    names = list(dict.fromkeys(shlex.quote(name) for _, several in errors for name in several))
    if len(names) > MOST_PAIRS:
        names = [*names[:_MOST_NAMED], "..."]
    return (
        f"Pairs in {material.folder} must not be trained on as they are. {told}{more} Leave them out "
        f"(`--leave-out {' '.join(names)}`), or mend what can be mended "
        f"(`napari-restoration pairs check {shlex.quote(str(material.folder))} --fix OUT`) and train on OUT."
    )


def _notices(findings: Sequence[PairFinding], looked: int, total: int, material: Material) -> Task[None]:
    command = f"napari-restoration pairs check {shlex.quote(str(material.folder))}"
    # The opening fills missing pixels and tells of them, and fits intensities.
    told = [one for one in findings if one.severity == "warning" and one.kind != "missing"]
    for kind in dict.fromkeys(one.kind for one in told):
        group = [one for one in told if one.kind == kind]
        worst = max(group, key=lambda one: one.value or 0.0)
        count = len({one.pair for one in group})
        start = (
            f"{worst.pair!r}: " if count == 1 else f"{count} of {looked} pairs, most of all {worst.pair!r}: "
        )
        mend = f" `{command} --fix OUT` does it." if worst.fix == "register" else ""
        yield Notice(done=looked, total=looked, message=f"{start}{worst.words} {worst.advice}{mend}")
    if looked < total:
        words = f"{looked} of {total} pairs were looked at, each in part; `{command}` looks at all."
        yield Notice(done=looked, total=looked, message=words)
