"""Pairs from folders, from stacks and from images in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.pairs.names import listed, match_names, role_of, scene_of, stem_of
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

    Returns
    -------
    Found
        Pairs ordered by name; files without a counterpart and files that cannot be read are listed.

    Raises
    ------
    InputError
        If a folder is missing or holds no images.
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
    if suffixes is None:
        matching = match_names(list(left), list(right))
        back = ({name: name for name in left}, {name: name for name in right})
    else:
        back = tuple(  # type: ignore[assignment]
            {_without(name, end): name for name in side}
            for side, end in zip((left, right), suffixes, strict=True)
        )
        matching = match_names(list(back[0]), list(back[1]))
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
