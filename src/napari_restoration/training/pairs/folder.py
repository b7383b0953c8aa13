"""A folder of pairs as training takes it: checked by names and shapes, divided, and left in its files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import run
from napari_restoration.training.pairs.content import Content
from napari_restoration.training.pairs.find import Found, find_pairs
from napari_restoration.training.pairs.lazy import LazyPlane, pair_sources
from napari_restoration.training.pairs.leaks import iter_leaks
from napari_restoration.training.pairs.names import listed
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.split import split_pairs
from napari_restoration.training.pairs.within import hold_out_parts
from napari_restoration.training.pairs.worth import find_useless
from napari_restoration.training.recipe_data import PairSettings
from napari_restoration.training.sources import PairSource

_MOST_OFFENDERS = 8
HELD = "validation/"
"""Stands before the names of images in a folder of validation: both folders may use the same file names."""
USUAL = PairSettings(match="*")
"""Pairs as they are: neither registered nor mapped to other intensities."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PairFolder:
    """Sources for training and for validation.

    Attributes
    ----------
    train, held_out : list of PairSource
        One for each plane, each with a name of its own. Of images of one field of view parts are held out, or
        nothing if they are small; `notice` tells of both.
    scale : int
        Target pixels an input pixel.
    frames : int or None
        Frames of a burst; the fewest of all pairs.
    notice : str
        What the user must know of the division, or nothing.
    missing : str
        What to tell of missing pixels, or nothing.
    """

    train: list[PairSource]
    held_out: list[PairSource]
    scale: int
    frames: int | None
    notice: str
    missing: str


def open_pair_folder(
    source: str | Path | Found,
    *,
    share: float,
    seed: int,
    patch: int,
    scale: int | None = None,
    validation: str | Path | Found | None = None,
    settings: PairSettings = USUAL,
    axes: str | None = None,
) -> PairFolder:
    """Open pairs for training; every refusal comes before any work.

    Parameters
    ----------
    source : path or Found
        A folder for `find_pairs`, or pairs found already.
    share, seed
        Of the fields of view that are held out, and of the draw; see `split_pairs`. Pixels are compared, so that
        copies under other names stay on one side.
    patch : int
        Side of the patches in input pixels.
    scale : int, optional
        What the model's targets must have.
    validation : path or Found, optional
        A given split: all of `source` is trained on, and a leak between the two is an error.
    settings : PairSettings
        Whether to register and fit, see `pair_sources`.
    axes : str, optional
        Meaning of the files' axes, if they do not say it.

    Raises
    ------
    InputError
        If names do not match, shapes, scales, channels or frames differ, a patch is larger than an image, training
        and validation share a field of view, or images are constant or equal; it lists the offenders.
    """
    found = source if isinstance(source, Found) else find_pairs(source, axes=axes)
    _refuse(found, patch, scale)
    common = found.pairs[0].scale or 1
    others = None
    if validation is not None:
        others = validation if isinstance(validation, Found) else find_pairs(validation, axes=axes)
        _refuse(others, patch, common)
        refuse_leaks(found, others)
    sources, content = _looked_at([*found.pairs, *(others.pairs if others is not None else ())], settings)
    if others is None:
        keys = dict(zip((pair.name for pair in found.pairs), content.shared(), strict=True))
        split = split_pairs(found.pairs, share, seed, content=keys)
        train, held, notice = split.train, split.held_out, split.notice
    else:
        train, held, notice = found.pairs, others.pairs, ""
    sides: list[list[PairSource]] = [
        [source for pair in side for source in sources[pair]] for side in (train, held)
    ]
    if others is not None:
        sides[1] = [replace(source, name=f"{HELD}{source.name}") for source in sides[1]]
    elif notice:
        *sides, words = hold_out_parts(sides[0], share, patch)
        notice = f"{notice} {words}"
    frames = [pair.input.size_of("T") for pair in (*train, *held) if pair.is_burst]
    return PairFolder(
        train=sides[0], held_out=sides[1], scale=common, frames=min(frames) if frames else None, notice=notice,
        missing=_told_of_missing([*sides[0], *sides[1]]),
    )  # fmt: skip


def _looked_at(pairs: Sequence[Pair], settings: PairSettings) -> tuple[dict[Pair, list[PairSource]], Content]:
    """Planes of pairs, each pair's one after the other: what a file last unpacked is then at hand.

    Raises
    ------
    InputError
        If pairs teach nothing; it lists them.
    """
    content, sources = Content(), {}
    useless: list[str] = []
    names: dict[str, None] = {}
    for pair in pairs:
        content.add(pair)
        sources[pair] = pair_sources([pair], settings)
        for source in sources[pair]:
            given, target = cast(LazyPlane, source.input), cast(LazyPlane, source.target)
            given.find_missing()
            target.find_missing()
            if words := find_useless(source.name, given, target):
                useless.append(words)
                names[shlex.quote(pair.name)] = None
    if useless:
        raise InputError(
            f"Pairs teach nothing: {_first(useless)} Leave them out (`--leave-out {' '.join(names)}`), or let "
            "`napari-restoration pairs check DIR --fix OUT` do it."
        )
    return sources, content


def _told_of_missing(sources: Sequence[PairSource]) -> str:
    names = [
        source.name for source in sources
        if any(getattr(image, "has_missing", False) for image in (source.input, source.target))
    ]  # fmt: skip
    return f"Missing pixels are filled from their neighbours in {listed(names)}." if names else ""


def refuse_leaks(training: Found, validation: Found) -> None:
    """Refuse a given division in which validation shows what is trained on.

    Raises
    ------
    InputError
        Naming what the two share.
    """
    leaks = run(iter_leaks(training.pairs, validation.pairs))
    if leaks:
        words = _first([leak.words for leak in leaks])
        raise InputError(f"Training and validation share fields of view: {words} Leave them out of one.")


def _refuse(found: Found, patch: int, scale: int | None) -> None:
    offenders = [one.words for one in found.unpaired]
    if not offenders and not found.pairs:
        offenders = ["There are no pairs."]
    offenders += [f"{pair.name!r}: {trouble}." for pair in found.pairs if (trouble := pair.trouble())]
    if not offenders:
        offenders = _unlike(found.pairs, scale)
    if offenders:
        raise InputError(
            f"The pairs do not fit together: {_first(offenders)} "
            "`napari-restoration pairs check DIR --fix OUT` says more and mends what it can."
        )
    small = [pair for pair in found.pairs if min(pair.input.plane_shape) < patch]
    if small:
        largest = min(min(pair.input.plane_shape) for pair in small)
        raise InputError(
            f"Patches of {patch} pixels do not fit into {listed(pair.name for pair in small)}: the largest that fits "
            f"all is {largest}."
        )


def _unlike(pairs: Sequence[Pair], scale: int | None) -> list[str]:
    """Pairs that differ from the first in scale or in being bursts, or from the scale that is asked for."""
    first = pairs[0]
    words = []
    for pair in pairs:
        if pair.scale != (first.scale if scale is None else scale):
            wanted = first.scale if scale is None else scale
            words.append(
                f"{pair.name!r}: its target is {pair.scale} times as fine as the input, not {wanted}."
            )
        elif pair.is_burst != first.is_burst:
            words.append(f"{pair.name!r}: one of it and {first.name!r} is a burst and the other is not.")
    return words


def _first(words: Sequence[str]) -> str:
    more = f" And {len(words) - _MOST_OFFENDERS} more." if len(words) > _MOST_OFFENDERS else ""
    return " ".join(words[:_MOST_OFFENDERS]) + more
