"""Which input belongs to which target, and which files show one field of view, as their names tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

INPUT_WORDS = frozenset(
    {
        "input",
        "inputs",
        "noisy",
        "low",
        "lowsnr",
        "lr",
        "lq",
        "raw",
        "blur",
        "blurred",
        "blurry",
        "defocus",
        "defocused",
        "degraded",
        "bad",
        "widefield",
        "wf",
    }
)
TARGET_WORDS = frozenset(
    {
        "target",
        "targets",
        "clean",
        "high",
        "highsnr",
        "hr",
        "hq",
        "gt",
        "groundtruth",
        "truth",
        "sharp",
        "focus",
        "focused",
        "good",
        "reference",
        "sim",
    }
)
"""Words of a file name that tell its role and are no part of the name that input and target share."""

_SUFFIXES = (".ome.tiff", ".ome.tif", ".ome.zarr")
_AVERAGE = re.compile(r"avg\d+|noise\d+|snr\d+")
_LEVELS = frozenset({"mild", "medium", "hard", "easy"})
# Parts of one field of view: its place in a larger image, channel, plane, frame, level, copy.
_PART = re.compile(
    r"[_\-\s.](y\d+[_-]x\d+|(c|ch|channel|z|plane|slice|t|time|frame|level|lvl|copy|crop|tile|patch)[_-]?\d+"
    r"|defocus[+-]?[\dp.]+(um|nm)?)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Matching:
    """What names belong together.

    Attributes
    ----------
    pairs
        Names of input and target.
    lone_inputs, lone_targets
        Names without a counterpart.
    ambiguous
        Names of which several have the same counterpart: groups of inputs, and of targets.
    """

    pairs: tuple[tuple[str, str], ...]
    lone_inputs: tuple[str, ...]
    lone_targets: tuple[str, ...]
    ambiguous: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def stem_of(name: str) -> str:
    """A file name without its suffix, also a double one as ``.ome.tif``."""
    lower = name.lower()
    for suffix in _SUFFIXES:
        if lower.endswith(suffix):
            return name[: -len(suffix)]
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and suffix.isalnum() and not suffix.isdigit() else name


def words_of(name: str) -> list[str]:
    """Words of a file name without its suffix, in small letters."""
    return [word for word in re.split(r"[_\-\s.]+", stem_of(name).casefold()) if word]


def common_name(name: str) -> str:
    """What is left of a name without the words that tell input from target; in small letters."""
    roles = INPUT_WORDS | TARGET_WORDS
    kept = [word for word in words_of(name) if word not in roles and not _AVERAGE.fullmatch(word)]
    return "_".join(kept)


def role_of(name: str) -> str:
    """``"input"``, ``"target"`` or nothing, by the words of a name."""
    words = set(words_of(name))
    is_input, is_target = bool(words & INPUT_WORDS), bool(words & TARGET_WORDS)
    return "" if is_input == is_target else "input" if is_input else "target"


def match_names(inputs: Sequence[str], targets: Sequence[str]) -> Matching:
    """Match file names: the same name, else the same stem, else the same name without words such as *noisy*.

    Parameters
    ----------
    inputs, targets : sequence of str
        File names without folders.

    Returns
    -------
    Matching
        Each name stands in exactly one place of it.
    """
    pairs: list[tuple[str, str]] = []
    ambiguous: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    left, right = list(inputs), list(targets)
    for key in (str, stem_of, common_name):
        groups = {key(name): [n for n in left if key(n) == key(name)] for name in left}
        for shared, group in groups.items():
            others = [name for name in right if key(name) == shared]
            if not others or not shared:
                continue
            if len(group) == 1 and len(others) == 1:
                pairs.append((group[0], others[0]))
            else:
                ambiguous.append((tuple(group), tuple(others)))
            left = [name for name in left if name not in group]
            right = [name for name in right if name not in others]
    return Matching(
        pairs=tuple(sorted(pairs)),
        lone_inputs=tuple(left),
        lone_targets=tuple(right),
        ambiguous=tuple(ambiguous),
    )


def scene_of(name: str) -> str:
    """What the names of all files of one field of view have in common.

    Left out are words for input and target, levels of difficulty, crop origins, channels, planes, frames, copies,
    and the last of two numbers at the end (``001_2`` is a part of field ``001``). A single number at the end stays:
    it mostly counts fields.
    """
    stem = stem_of(name)
    while True:
        shorter = _without_last_part(stem)
        if shorter == stem or not shorter:
            return common_name(stem) or stem.casefold()
        stem = shorter


def _without_last_part(stem: str) -> str:
    if found := _PART.search(stem):
        return stem[: found.start()]
    words = [word.casefold() for word in re.split(r"[_\-\s.]+", stem)]
    if len(words) < 2:
        return stem
    last, before = words[-1], words[-2]
    second_number = last.isdigit() and (before.isdigit() or before in _LEVELS)
    if last in _LEVELS | INPUT_WORDS | TARGET_WORDS or _AVERAGE.fullmatch(last) or second_number:
        return stem[: -len(last) - 1]
    return stem


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few names, for a message."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(repr(name) for name in every[:most]) + more
