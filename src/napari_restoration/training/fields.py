"""Normalised training fields: degraded regions large enough that their percentiles speak for a whole image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.training.good_images import GoodPlane
from napari_restoration.training.pairs.lazy import LazyPlane
from napari_restoration.training.pairs.names import scene_of
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.simulate import DEFAULTS, draw, simulate
from napari_restoration.training.sources import PairSource, Source, as_truth

Float = NDArray[np.float32]
Region = tuple[slice, slice]

TRAINING_PERCENTILES = ((1.0, 3.0), (99.5, 99.9))
"""Ranges of the low and the high percentile in training (probabilistic CARE); restoration uses 2 and 99.8."""
FIXED_PERCENTILES = ((2.0, 2.0), (99.8, 99.8))
_MOST_MISSES = 1000
# Percentiles of a large image come from so many bands of rows, so that it need not fit into memory.
_BANDS, _BAND_ROWS = 16, 128

Item = Source | PairSource | GoodPlane
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
Curves = tuple[Curve, Curve]


@dataclass(frozen=True, eq=False, kw_only=True)
class Field:
    """A normalised input ``(Y, X)`` or ``(T, Y, X)`` and its target ``(Y * scale, X * scale)``.

    ``noise`` is the standard deviation of the shot and read noise at mid intensity in normalised units, or
    NaN for real pairs, whose noise is not known.
    """

    input: Float
    target: Float
    noise: float


class FieldMaker:
    """Draws fields from sources and pairs, each by its share.

    Parameters
    ----------
    recipe : Recipe
        Shares, binning and degradation.
    sources, pairs
        What to draw from; at least one of both. Good images that a preset degrades count as pairs.
    fixed : bool
        Normalise with the percentiles of restoration instead of drawn ones.
    """

    def __init__(
        self,
        recipe: Recipe,
        sources: Sequence[Source],
        pairs: Sequence[PairSource | GoodPlane],
        *,
        fixed: bool = False,
    ) -> None:
        self._recipe = recipe
        self._items: list[Item] = [*sources, *pairs]
        self._percentiles = FIXED_PERCENTILES if fixed else TRAINING_PERCENTILES
        self._whole = recipe.training.percentiles == "image"
        self._curves: dict[str, Curves] = {}
        self._truths: dict[tuple[str, int], Float] = {}
        shares = _shares(self._items)
        self._shares = shares / shares.sum()

    @property
    def items(self) -> Sequence[Item]:
        """What fields are drawn from."""
        return self._items

    def make(self, rng: np.random.Generator, *, frames: int | None = None) -> Field:
        """Draw one field; everything it holds comes from ``rng``.

        Parameters
        ----------
        rng : numpy.random.Generator
        frames : int, optional
            Frames of the burst, so that all fields of a batch have equally many.
        """
        for _ in range(_MOST_MISSES):
            item = self._items[int(rng.choice(len(self._items), p=self._shares))]
            made = self._drawn(item, rng, frames)
            low, high = self._black_and_white(item, made.input, rng)
            # A field without any contrast teaches nothing and cannot be normalised.
            if high - low > 1e-6 * max(1.0, abs(high)):
                spread = np.float32(high - low)
                return Field(
                    input=(made.input - np.float32(low)) / spread,
                    target=(made.target - np.float32(low)) / spread,
                    noise=made.noise / float(spread),
                )
        raise InputError(
            f"None of {_MOST_MISSES} parts drawn from the training images has any contrast: leave constant images out."
        )

    def _black_and_white(self, item: Item, given: Float, rng: np.random.Generator) -> tuple[float, float]:
        """The grey levels that become 0 and 1."""
        drawn = [float(rng.uniform(*range_)) for range_ in self._percentiles]
        if not (self._whole and isinstance(item, PairSource)):
            return float(np.percentile(given, drawn[0])), float(np.percentile(given, drawn[1]))
        if item.name not in self._curves:
            # A part that is held out is normalised as the image that it is a part of.
            plane: Any = item.input
            whole = plane.uncut if isinstance(plane, LazyPlane) else plane
            self._curves[item.name] = _percentile_curves(whole)
        low, high = (
            float(np.interp(share, *curve))
            for share, curve in zip(drawn, self._curves[item.name], strict=True)
        )
        return low, high

    def _drawn(self, item: Item, rng: np.random.Generator, frames: int | None) -> Field:
        if isinstance(item, Source):
            return self._degraded(item, rng, frames)
        if isinstance(item, PairSource):
            return self._measured(item, rng, frames)
        step = item.model.binning
        side = self._recipe.training.field_size * step
        given, target = item.degraded(_busy_region(item.image, (side, side), step, rng), rng, frames)
        return Field(input=given, target=target, noise=float("nan"))

    def _degraded(self, source: Source, rng: np.random.Generator, frames: int | None) -> Field:
        recipe = self._recipe
        truth = self._truth(source, int(rng.choice(source.settings.bins)))
        side = recipe.training.field_size * recipe.scale
        region = _busy_region(truth, (side, side), recipe.scale, rng)
        numbers = draw(recipe.degradation, rng)
        if frames is not None:
            numbers["frames"] = float(frames)
        made = simulate(recipe.task, truth[region], numbers, rng)
        electrons = numbers["photons"] * (0.5 + numbers["background"]) + numbers["read_noise"] ** 2
        return Field(input=made.input, target=made.target, noise=float(np.sqrt(electrons)) / numbers["gain"])

    def _measured(self, pair: PairSource, rng: np.random.Generator, frames: int | None = None) -> Field:
        scale, side = self._recipe.scale, self._recipe.training.field_size
        region = _busy_region(pair.input, (side, side), 1, rng)
        fine = tuple(slice(s.start * scale, s.stop * scale) for s in region)
        if pair.input.ndim == 3:
            # Frames in a row, as the camera took them.
            count = len(pair.input) if frames is None else min(frames, len(pair.input))
            first = int(rng.integers(0, len(pair.input) - count + 1))
            given = pair.input[(slice(first, first + count), *region)]
        else:
            given = pair.input[region]
        if pair.settings.photons is not None:
            low, high = np.percentile(pair.input, [0.5, 99.9])
            numbers = draw({"photons": pair.settings.photons}, rng)
            gain = np.float32(numbers["photons"] / max(float(high - low), 1e-6))
            electrons = np.maximum(given - np.float32(low), 0) * gain
            noisy = rng.poisson(electrons) + DEFAULTS["read_noise"] * rng.standard_normal(electrons.shape)
            given = np.asarray(noisy, dtype=np.float32) / gain + np.float32(low)
        return Field(input=given, target=pair.target[fine], noise=float("nan"))

    def _truth(self, source: Source, factor: int) -> Float:
        key = (source.name, factor)
        if key not in self._truths:
            self._truths[key] = as_truth(
                source.image, factor=factor, smooth=self._recipe.smooth, black=source.settings.black
            )
        return self._truths[key]


def split(items: Sequence[Source | PairSource], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Divide names into training and held-out ones by field of view, group by group.

    Crops, channels and quarters of one field stay on one side. A group of fewer than four fields is used for
    training as a whole.
    """
    rng = np.random.default_rng([seed, 1])
    groups: dict[str, dict[str, list[str]]] = {}
    for item in items:
        fields = groups.setdefault(item.settings.match, {})
        fields.setdefault(field_of_view(item.name), []).append(item.name)
    # A field may have channels in several groups: once held out, it is held out everywhere.
    held: set[str] = set()
    for fields in groups.values():
        names = sorted(fields)
        if len(names) >= 4 and not held & set(names):
            count = max(1, round(share * len(names)))
            held |= {names[i] for i in rng.permutation(len(names))[:count]}
    train = [item.name for item in items if field_of_view(item.name) not in held]
    return train, [item.name for item in items if field_of_view(item.name) in held]


def field_of_view(name: str) -> str:
    """What files of one field of view share in their names: no crop origin, channel or plane."""
    stem = PurePosixPath(name).stem
    if "/pairs/" in f"/{name}":
        # Input and target have one name; a defocus series shows one cell.
        return re.sub(r"_defocus.*$|_ON\d+$", "", stem)
    stem = re.sub(r"_y\d+_x\d+$|_c\d+$|_ch\d+$|_[DFR]$|_t?p?\d+$", "", stem)
    return re.sub(r"Channel\d+-", "", re.sub(r"^BPAE_.*$", "BPAE", stem))


def scene_of_source(name: str) -> str:
    """What files of one field of view share in a folder without an index; see `pairs.names.scene_of`."""
    return scene_of(name.removeprefix("validation/").split("#")[0])


def _percentile_curves(image: Any) -> Curves:
    """Grey levels of an image at percentiles over the two ranges that training draws from."""
    height = image.shape[-2]
    frames = (slice(None),) * (len(image.shape) - 2)
    bands = [slice(0, height)]
    if height > _BANDS * _BAND_ROWS:
        starts = np.linspace(0, height - _BAND_ROWS, _BANDS).astype(int).tolist()
        bands = [slice(start, start + _BAND_ROWS) for start in starts]
    values = np.concatenate([np.asarray(image[(*frames, band)]).ravel() for band in bands])
    low, high = (np.linspace(*range_, 21) for range_ in TRAINING_PERCENTILES)
    return (low, np.percentile(values, low)), (high, np.percentile(values, high))


def _busy_region(image: Any, sides: tuple[int, int], multiple: int, rng: np.random.Generator) -> Region:
    """A random region, the busiest of three, so that empty background does not fill the batches."""
    lengths = image.shape[-2:]
    height, width = (min(side, n // multiple * multiple) for side, n in zip(sides, lengths, strict=True))
    regions = []
    for _ in range(3):
        y, x = (
            int(rng.integers(0, (n - side) // multiple + 1)) * multiple
            for n, side in zip(lengths, (height, width), strict=True)
        )
        regions.append((slice(y, y + height), slice(x, x + width)))
    # Of a burst the first frame tells what there is.
    first: tuple[slice, ...] = (slice(0, 1),) * (len(image.shape) - 2)
    return max(regions, key=lambda r: float(image[(*first, *r)].std()))


def _shares(items: Sequence[Item]) -> NDArray[np.float64]:
    counts: Mapping[str, int] = {
        match: sum(i.settings.match == match for i in items) for match in {i.settings.match for i in items}
    }
    return np.array([item.settings.weight / counts[item.settings.match] for item in items])
