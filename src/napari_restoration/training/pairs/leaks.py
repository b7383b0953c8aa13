"""Whether images for validation show what is trained on: equal pixels, one source, an overlapping part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.progress import Progress, Task
from napari_restoration.training.pairs.content import Content
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.stored import Float

_SIDE = 256
# A common part must cover this share of the smaller image, and correlate so well there. Different fields reach 0.65
# at their best fit, parts of one field 0.87 and more: measured in benchmarks/pair_doctor.md.
_LEAST_SHARE, _LEAST_CORRELATION = 0.04, 0.75
_CANDIDATES = 3


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Two pairs that must not be on different sides.

    Attributes
    ----------
    kind
        ``"pixels"``, ``"file"``, ``"source"`` or ``"overlap"``.
    one, other
        Names of the pairs.
    words
        What they share, one sentence.
    """

    kind: str
    one: str
    other: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A common part of two images.

    Attributes
    ----------
    shift_px
        Where the second image's first pixel lies in the first one, along Y and X, to a few pixels.
    share
        Of the smaller image that is common.
    correlation
        Of the two over the common part.
    """

    shift_px: tuple[float, float]
    share: float
    correlation: float


def iter_leaks(one: Sequence[Pair], others: Sequence[Pair] | None = None) -> Task[list[Leak]]:
    """Compare every pair of one set with every pair of another, or with the other pairs of its own set.

    Parameters
    ----------
    one : sequence of Pair
        Training pairs.
    others : sequence of Pair, optional
        Validation pairs; without them, `one` is searched for pairs of *different* scenes that show the same.

    Yields
    ------
    Progress
        After each pair.

    Returns
    -------
    list of Leak
        At most one for two pairs: equal pixels before a common file, a common source and an overlap.
    """
    every = [*one, *(others or ())]
    content = Content()
    spectra: list[_Thumbnail | None] = []
    for number, pair in enumerate(every):
        content.add(pair)
        spectra.append(_thumbnail(pair))
        yield Progress(done=number + 1, total=2 * len(every), message="Comparing fields of view")
    keys = [set(one) for one in content.shared()]
    found: list[Leak] = []
    start = len(one) if others is not None else 0
    for second in range(start, len(every)):
        for first in range(len(one) if others is not None else second):
            leak = _leak(every, keys, spectra, first, second, same_set=others is None)
            if leak is not None:
                found.append(leak)
        yield Progress(done=len(every) + second + 1, total=2 * len(every))
    return found


def _leak(
    every: Sequence[Pair],
    keys: Sequence[set[str]],
    spectra: Sequence[_Thumbnail | None],
    first: int,
    second: int,
    *,
    same_set: bool,
) -> Leak | None:
    one, other = every[first], every[second]
    if same_set and one.scenes & other.scenes:
        return None
    files = [
        {image.path.resolve() for image in (pair.input, pair.target) if image.path is not None}
        for pair in (one, other)
    ]
    sources = {scene for scene in one.scenes & other.scenes if scene.startswith("source ")}
    names = {"one": one.name, "other": other.name}
    if files[0] & files[1]:
        return Leak(kind="file", words=f"{one.name!r} and {other.name!r} have a file in common.", **names)
    if keys[first] & keys[second]:
        return Leak(kind="pixels", words=f"{one.name!r} and {other.name!r} have equal pixels.", **names)
    if sources:
        words = f"{one.name!r} and {other.name!r} were made from one image, {sorted(sources)[0][7:]!r}."
        return Leak(kind="source", words=words, **names)
    left, right = spectra[first], spectra[second]
    if left is None or right is None or left.pixel != right.pixel:
        return None
    overlap = _overlap(left, right)
    if overlap is None:
        return None
    words = (
        f"{one.name!r} and {other.name!r} overlap by {overlap.share:.0%}, shifted by {overlap.shift_px[0]:.0f} and "
        f"{overlap.shift_px[1]:.0f} px (correlation {overlap.correlation:.2f})."
    )
    return Leak(kind="overlap", words=words, **names)


def find_overlap(one: Float, other: Float) -> Overlap | None:
    """Search two planes ``(Y, X)`` of one pixel size for a common part, by the peak of their phase correlation.

    The highest peaks are tried out; one counts if the two planes correlate over the part that it makes common.
    Turned or mirrored copies are not found.
    """
    factor = _factor(max(*one.shape, *other.shape))
    return _overlap(_Thumbnail.of(one, factor), _Thumbnail.of(other, factor))


@dataclass(frozen=True, eq=False)
class _Thumbnail:
    """A binned plane, its spectrum with magnitudes evened out, and the size of its pixels in the plane's."""

    plane: Float
    spectrum: NDArray[np.complex64]
    pixel: int

    @classmethod
    def of(cls, plane: Float, factor: int) -> _Thumbnail:
        plane = fill_missing(plane, 0.0)[0]
        height, width = (n // factor for n in plane.shape)
        binned = (
            plane[: height * factor, : width * factor]
            .reshape(height, factor, width, factor)
            .mean(axis=(1, 3))
        )
        # Brightness differs slowly over a field by illumination, and a few bright spots must not decide alone.
        flat = ndimage.gaussian_filter(binned, 0.8) - ndimage.gaussian_filter(binned, 4)
        limit = 4 * float(np.std(flat)) + 1e-20
        flat = np.clip(flat, -limit, limit)
        spectrum = fft.rfft2(flat - flat.mean(), s=(2 * _SIDE, 2 * _SIDE))
        spectrum /= np.abs(spectrum) ** 0.7 + 1e-20
        return cls(flat.astype(np.float32), spectrum.astype(np.complex64), factor)


def _thumbnail(pair: Pair) -> _Thumbnail | None:
    """The middle plane of the target, on the input's pixels."""
    image = pair.target
    place = {axis: image.size_of(axis) // 2 for axis in image.leading}
    if min(image.plane_shape) < 32:
        return None
    return _Thumbnail.of(image.read(place), _factor(max(image.plane_shape)))


def _factor(longest: int) -> int:
    return -(-longest // _SIDE)


def _overlap(one: _Thumbnail, other: _Thumbnail) -> Overlap | None:
    peaks = fft.irfft2(one.spectrum * np.conj(other.spectrum), s=(2 * _SIDE, 2 * _SIDE))
    best: Overlap | None = None
    for _ in range(_CANDIDATES):
        place = np.unravel_index(int(np.argmax(peaks)), peaks.shape)
        y, x = (int(n) if n < _SIDE else int(n) - 2 * _SIDE for n in place)
        found = _tried(one.plane, other.plane, y, x)
        if found is not None and (best is None or found[1] > best.correlation):
            best = Overlap(
                shift_px=(float(y * one.pixel), float(x * one.pixel)), share=found[0], correlation=found[1]
            )
        rows, columns = ((np.arange(-3, 4) + int(n)) % (2 * _SIDE) for n in place)
        peaks[np.ix_(rows, columns)] = -np.inf
    return best if best is not None and best.correlation >= _LEAST_CORRELATION else None


def _tried(one: Float, other: Float, y: int, x: int) -> tuple[float, float] | None:
    """Share and correlation of the common part if the other plane starts at (y, x) of the first."""
    parts = []
    for n, m, shift in zip(one.shape, other.shape, (y, x), strict=True):
        start, stop = max(0, shift), min(n, m + shift)
        if stop - start < 8:
            return None
        parts.append((slice(start, stop), slice(start - shift, stop - shift)))
    left = one[parts[0][0], parts[1][0]].astype(np.float64)
    right = other[parts[0][1], parts[1][1]].astype(np.float64)
    share = left.size / min(one.size, other.size)
    left, right = left - left.mean(), right - right.mean()
    norms = float(np.linalg.norm(left) * np.linalg.norm(right))
    return (share, float(np.sum(left * right)) / norms) if share >= _LEAST_SHARE and norms > 0 else None
