"""Pairs from folders, from stacks and from images in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.pairs.names import Matching, listed, match_names, role_of, scene_of, stem_of
from napari_restoration.training.pairs.pair import Pair, make_pair

RECORD = "pairs.json"
_IMAGES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".zarr")


@dataclass(frozen=True, kw_only=True)
class Unpaired:
    """Files that became no pair.

    Attributes
    ----------
    kind
        ``"lone_input"``, ``"lone_target"``, ``"ambiguous"`` or ``"unreadable"``.
    names
        The files.
    words
        What is wrong, one sentence.
    """

    kind: str
    names: tuple[str, ...]
    words: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """Pairs, and what was left over."""

    pairs: tuple[Pair, ...]
    unpaired: tuple[Unpaired, ...] = ()


def find_pairs(
    source: str | Path,
    targets: str | Path | None = None,
    *,
    suffixes: tuple[str, str] | None = None,
    axes: str | None = None,
    leave_out: Sequence[str] = (),
) -> Found:
    """Find pairs by their names; no pixel is read.

    Parameters
    ----------
    source : path
        With `targets`: the folder of the inputs, or one input file. Alone: a folder with ``input`` and ``target`` in
        it, or one with both kinds of files.
    targets : path, optional
        The folder of the targets, or one target file.
    suffixes : tuple of str, optional
        How the stems of inputs and targets end in a folder of both kinds, as ``("_noisy", "_clean")``. By default
        words in the names such as *noisy*, *low*, *clean*, *high* tell them apart.
    axes : str, optional
        Meaning of the files' axes, if they do not say it.
    leave_out : sequence of str
        Files that are passed over with their counterparts, by name, with or without the ending.

    Returns
    -------
    Found
        Pairs ordered by name; files without a counterpart and files that cannot be read are listed.

    Raises
    ------
    InputError
        If a folder is missing or holds no images, or a file that is to be left out is not there.
    """
    source = Path(source)
    root = source if targets is None else source.parent
    if targets is not None:
        targets = Path(targets)
        if source.is_file() and targets.is_file():
            return Found(pairs=(make_pair(source, targets, axes=axes),))
        left, right = image_files(source), image_files(targets)
    elif (source / "input").is_dir() and (source / "target").is_dir():
        left, right = image_files(source / "input"), image_files(source / "target")
    else:
        left, right = _by_role(image_files(source), suffixes, source)
    if leave_out:
        left, right = _left(left, right, suffixes, leave_out)
    return _paired(left, right, suffixes, axes, _recorded_scenes(root / RECORD))


def pairs_of_images(
    images: Sequence[tuple[CalibratedImage, CalibratedImage]], *, scenes: Sequence[str] | None = None
) -> Found:
    """Pairs of images in memory, such as layers.

    Parameters
    ----------
    images : sequence of tuple of CalibratedImage
        Input and target of each pair.
    scenes : sequence of str, optional
        What each pair shows; by default what the inputs' names say.
    """
    pairs: list[Pair] = []
    for number, (given, target) in enumerate(images):
        name = given.name
        if any(pair.name == name for pair in pairs):
            name = f"{name} ({number + 1})"
        told = () if scenes is None else (scenes[number],)
        pairs.append(make_pair(given, target, name=name, scenes=told or (scene_of(given.name),)))
    return Found(pairs=tuple(pairs))


def image_files(folder: Path) -> dict[str, Path]:
    """The images of a folder by file name, in order.

    Raises
    ------
    InputError
        If it cannot be read or holds none.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): name a folder of images.") from error
    found = {
        entry.name: entry
        for entry in entries
        if entry.suffix.lower() in _IMAGES and not entry.name.startswith(".")
    }
    if not found:
        raise InputError(
            f"{folder} holds no images in itself; pairs need folders 'input' and 'target', or two folders of images."
        )
    return found


def without(files: Mapping[str, Path], leave_out: Iterable[str]) -> dict[str, Path]:
    """The files but those that are left out, by name with or without the ending.

    Raises
    ------
    InputError
        If one that is to be left out is not there.
    """
    names = set(leave_out)
    gone = {name for name in files if names & {name, stem_of(name)}}
    if unknown := names - gone - {stem_of(name) for name in gone}:
        raise InputError(
            f"There is no {sorted(unknown)[0]!r} to leave out; the images are called {listed(sorted(files))}."
        )
    return {name: path for name, path in files.items() if name not in gone}


def _left(
    left: Mapping[str, Path],
    right: Mapping[str, Path],
    suffixes: tuple[str, str] | None,
    leave_out: Sequence[str],
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Inputs and targets but those left out, each with its counterpart."""
    kept = without({**right, **left}, leave_out)
    matching, back = _matched(left, right, suffixes)
    gone: tuple[set[str], set[str]] = ({*left} - {*kept}, {*right} - {*kept})
    for one, other in matching.pairs:
        names = back[0][one], back[1][other]
        if names[0] in gone[0] or names[1] in gone[1]:
            gone[0].add(names[0])
            gone[1].add(names[1])
    sides = [
        {name: path for name, path in side.items() if name not in gone[i]}
        for i, side in enumerate((left, right))
    ]
    return sides[0], sides[1]


def _by_role(
    files: Mapping[str, Path], suffixes: tuple[str, str] | None, folder: Path
) -> tuple[dict[str, Path], dict[str, Path]]:
    sides: tuple[dict[str, Path], dict[str, Path]] = ({}, {})
    for name, path in files.items():
        if suffixes is not None:
            stem = stem_of(name)
            ends = [bool(end) and stem.endswith(end) for end in suffixes]
            # An empty suffix stands for all files without the other one.
            role = (
                ends.index(True)
                if any(ends)
                else next((i for i, end in enumerate(suffixes) if not end), None)
            )
        else:
            role = {"input": 0, "target": 1, "": None}[role_of(name)]
        if role is not None:
            sides[role][name] = path
    if not (sides[0] and sides[1]):
        what = (
            f"end in {suffixes[0]!r} and {suffixes[1]!r}"
            if suffixes
            else "say which is input and which target"
        )
        raise InputError(
            f"{folder} holds {len(sides[0])} inputs and {len(sides[1])} targets among {len(files)} images whose names "
            f"{what}; put them into folders 'input' and 'target', or name the two endings."
        )
    return sides


def _paired(
    left: Mapping[str, Path],
    right: Mapping[str, Path],
    suffixes: tuple[str, str] | None,
    axes: str | None,
    scenes: Mapping[str, str],
) -> Found:
    matching, back = _matched(left, right, suffixes)
    unpaired = [
        Unpaired(
            kind=kind, names=tuple(back[side][n] for n in names),
            words=f"{len(names)} {what} {'has' if len(names) == 1 else 'have'} no {other}: "
            f"{listed(back[side][n] for n in names)}.",
        )
        for side, kind, what, other, names in (
            (0, "lone_input", "input" + "s" * (len(matching.lone_inputs) > 1), "target", matching.lone_inputs),
            (1, "lone_target", "target" + "s" * (len(matching.lone_targets) > 1), "input", matching.lone_targets),
        )
        if names
    ]  # fmt: skip
    for group, others in matching.ambiguous:
        names = (*(back[0][n] for n in group), *(back[1][n] for n in others))
        unpaired.append(
            Unpaired(
                kind="ambiguous", names=names, words=f"More than one name fits another: {listed(names, 6)}."
            )
        )
    pairs: list[Pair] = []
    for one, other in matching.pairs:
        first, second = left[back[0][one]], right[back[1][other]]
        try:
            told = [f"source {scenes[first.name]}"] if first.name in scenes else [scene_of(one)]
            pairs.append(make_pair(first, second, name=first.name, scenes=told, axes=axes))
        except InputError as error:
            unpaired.append(Unpaired(kind="unreadable", names=(first.name, second.name), words=str(error)))
    return Found(pairs=tuple(pairs), unpaired=tuple(unpaired))


def _matched(
    left: Mapping[str, Path], right: Mapping[str, Path], suffixes: tuple[str, str] | None
) -> tuple[Matching, tuple[dict[str, str], dict[str, str]]]:
    """What names belong together, without the given endings, and the file of each of these names."""
    sides = []
    for number, files in enumerate((left, right)):
        sides.append({_without(name, suffixes[number]) if suffixes else name: name for name in files})
    return match_names(list(sides[0]), list(sides[1])), (sides[0], sides[1])


def _without(name: str, ending: str) -> str:
    stem = stem_of(name)
    return stem[: -len(ending)] if ending and stem.endswith(ending) else stem


def _recorded_scenes(record: Path) -> dict[str, str]:
    """The good image that each recorded pair was made from; nothing if there is no readable record."""
    try:
        entries: list[dict[str, Any]] = json.loads(record.read_text("utf-8"))["pairs"]
        return {str(entry["pair"]): str(entry["source"]["name"]) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
