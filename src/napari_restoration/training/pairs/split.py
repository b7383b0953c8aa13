"""Training and validation pairs, divided by field of view so that nothing that is trained on is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.training.pairs.pair import Pair


@dataclass(frozen=True, kw_only=True)
class Split:
    """A division of pairs.

    Attributes
    ----------
    train, held_out : tuple of Pair
        Every pair is in one of the two; no field of view is in both.
    notice : str
        What the user must know, or nothing.
    """

    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]
    notice: str = ""


def group_by_scene(
    pairs: Sequence[Pair], content: Mapping[str, Sequence[str]] | None = None
) -> list[list[Pair]]:
    """Pairs of one field of view together.

    Parameters
    ----------
    pairs : sequence of Pair
        All pairs.
    content : mapping of str to sequence of str, optional
        For a pair's name, keys that it shares with pairs of the same pixels, such as `content.Content.shared`.

    Returns
    -------
    list of list of Pair
        Two pairs are in one group if a chain of pairs links them by a scene, a file or equal pixels; in the
        order of their names.
    """
    keys: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        own = [f"scene {scene}" for scene in pair.scenes]
        own += [
            f"file {image.path.resolve()}" for image in (pair.input, pair.target) if image.path is not None
        ]
        own += [f"pixels {key}" for key in (content or {}).get(pair.name, ())]
        for key in own:
            keys.setdefault(key, []).append(number)
    leader = list(range(len(pairs)))

    def lead(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    for numbers in keys.values():
        for number in numbers[1:]:
            leader[max(lead(number), lead(numbers[0]))] = min(lead(number), lead(numbers[0]))
    groups: dict[int, list[Pair]] = {}
    for number, pair in enumerate(pairs):
        groups.setdefault(lead(number), []).append(pair)
    ordered = [sorted(group, key=lambda pair: pair.name) for group in groups.values()]
    return sorted(ordered, key=lambda group: group[0].name)


def split_pairs(
    pairs: Sequence[Pair], share: float, seed: int, *, content: Mapping[str, Sequence[str]] | None = None
) -> Split:
    """Hold out a share of the fields of view.

    Parameters
    ----------
    pairs : sequence of Pair
        With names of their own.
    share : float
        Of the fields of view, 0 to 0.5; at least one is held out if there are two.
    seed : int
        The same pairs and seed give the same split, whatever the pairs' order.
    content : mapping, optional
        See `group_by_scene`.

    Raises
    ------
    InputError
        If there is no pair, two have one name, or the share is out of range.
    """
    if not pairs:
        raise InputError("There are no pairs to divide into training and validation: name a folder of pairs.")
    if not 0 <= share <= 0.5:
        raise InputError(f"The validation share is {share:g} but must be from 0 to 0.5.")
    names = [pair.name for pair in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"Two pairs are called {twice!r}: give them different names.")
    groups = group_by_scene(pairs, content)
    if len(groups) == 1 or share == 0:
        notice = "" if share == 0 else f"All images {_what_they_share(pairs)}: none can be held out whole."
        return Split(train=tuple(pair for group in groups for pair in group), held_out=(), notice=notice)
    count = min(max(1, round(share * len(groups))), len(groups) - 1)
    held = set(np.random.default_rng([seed, 1]).permutation(len(groups))[:count].tolist())
    return Split(
        train=tuple(pair for i, group in enumerate(groups) if i not in held for pair in group),
        held_out=tuple(pair for i, group in enumerate(groups) if i in held for pair in group),
    )


def _what_they_share(pairs: Sequence[Pair]) -> str:
    common = frozenset.intersection(*(pair.scenes for pair in pairs))
    sources = sorted(scene.removeprefix("source ") for scene in common if scene.startswith("source "))
    return f"come from one image or stream, {sources[0]!r}" if sources else "show one field of view"
