"""What a model learns from: sharp images and real pairs listed in a data folder's ``index.csv``.

Only rows marked ``train`` are ever read here; files marked ``val`` or ``eval-only`` cannot reach a weight.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.training.pairs.intensity import fit_line
from napari_restoration.training.recipe_data import Black, PairSettings, SourceSettings

Float = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One file of the data folder, by the columns of ``index.csv``."""

    file: str
    licence: str
    use: str
    pair: str
    source: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """A sharp image in its own units, and the group of the recipe it belongs to.

    Parameters
    ----------
    name, licence : str
        File path in the data folder and its licence.
    image : ndarray
        ``(Y, X)`` float32, intensities as stored.
    settings : SourceSettings
        How it becomes a truth (binning, black level).
    """

    name: str
    licence: str
    image: Float
    settings: SourceSettings


@dataclass(frozen=True, eq=False, kw_only=True)
class PairSource:
    """A real input ``(Y, X)`` and its target ``(Y * scale, X * scale)`` on the input's intensity scale."""

    name: str
    licence: str
    input: Float
    target: Float
    settings: PairSettings


def read_index(data_dir: str | Path) -> list[IndexRow]:
    """Rows of ``index.csv`` in file order.

    Raises
    ------
    InputError
        If the file is missing or lacks a column.
    """
    path = Path(data_dir) / "index.csv"
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); training data need an index.csv with the columns "
            "file, licence, use, pair and source."
        ) from error
    columns = ("file", "licence", "use", "pair", "source")
    missing = [c for c in columns if not rows or c not in rows[0]]
    if missing:
        raise InputError(f"{path} has no rows or no column {missing[0]!r}; it needs {', '.join(columns)}.")
    return [IndexRow(**{c: row[c] or "" for c in columns}) for row in rows]


def load_sources(data_dir: str | Path, groups: Sequence[SourceSettings]) -> list[Source]:
    """Read every ``train`` file that a group matches; a file goes to the first group that matches it.

    Stacks give their middle plane, RGB the mean of the channels.
    """
    found: list[Source] = []
    rows = [row for row in read_index(data_dir) if row.use == "train"]
    taken: set[str] = set()
    for group in groups:
        matching = [r for r in rows if fnmatchcase(r.file, group.match) and r.file not in taken]
        if not matching:
            raise InputError(f"No training file in {data_dir} matches {group.match!r}; change sources.match.")
        for row in matching:
            taken.add(row.file)
            image = read_plane(Path(data_dir) / row.file)
            found.append(Source(name=row.file, licence=row.licence, image=image, settings=group))
    return found


def load_pairs(data_dir: str | Path, groups: Iterable[PairSettings]) -> list[PairSource]:
    """Read the ``train`` pairs whose input file a group matches, register and fit them as the group says."""
    rows = [row for row in read_index(data_dir) if row.use == "train" and row.pair]
    targets = {row.pair: row for row in rows if "/target/" in row.file}
    found = []
    for group in groups:
        matching = [r for r in rows if fnmatchcase(r.file, group.match) and "/input/" in r.file]
        if not matching:
            raise InputError(f"No training pair in {data_dir} matches {group.match!r}; change pairs.match.")
        for row in matching:
            if row.pair not in targets:
                raise InputError(f"{row.file} has no target of the pair {row.pair!r} in {data_dir}.")
            given = read_plane(Path(data_dir) / row.file)
            wanted = read_plane(Path(data_dir) / targets[row.pair].file)
            if group.register:
                wanted = _shift_onto(wanted, given)
            if group.fit:
                wanted = fit_intensity(wanted, given)
            given = mean_bin(given, group.bin_input)
            height, width = (n * group.bin_input for n in given.shape)
            found.append(
                PairSource(
                    name=row.file,
                    licence=row.licence,
                    input=given,
                    target=wanted[:height, :width],
                    settings=group,
                )
            )
    return found


def read_plane(path: Path, plane: int | None = None) -> Float:
    """One plane ``(Y, X)`` of a TIFF as float32: the given or middle plane, the mean of RGB channels."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            data = file.asarray()
            described: dict[str, Any] = (file.shaped_metadata or ({},))[0]
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise InputError(f"{path} cannot be read as TIFF ({error}); repair or remove it.") from error
    if data.size == 0 or data.ndim < 2:
        raise InputError(f"{path} holds no image; repair or remove it.")
    axes = str(described.get("axes", ""))
    if data.ndim == 3 and (axes[:1] in ("C", "S") or data.shape[0] == 3):
        data = data.mean(axis=0)
    while data.ndim > 2:
        data = data[data.shape[0] // 2 if plane is None else plane]
    return np.ascontiguousarray(data, dtype=np.float32)


def mean_bin(image: Float, factor: int) -> Float:
    """Mean over blocks of ``factor`` x ``factor`` pixels; incomplete blocks are dropped."""
    if factor == 1:
        return image
    height, width = (n // factor for n in image.shape)
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


def as_truth(image: Float, *, factor: int, smooth: float, black: Black) -> Float:
    """A noise-free object in 0..1 (brightest pixels may pass 1) from a measured image.

    Mean-bins, takes out the remaining noise with a Gaussian of ``smooth`` px, maps black and the 99.9th
    percentile to 0 and 1, and cuts negative values.
    """
    binned = mean_bin(image, factor)
    if smooth > 0:
        binned = ndimage.gaussian_filter(binned, smooth, mode="reflect")
    low = float(np.percentile(binned, 0.5)) if black == "percentile" else 0.0
    high = float(np.percentile(binned, 99.9))
    return np.asarray(np.clip((binned - low) / max(high - low, 1e-6), 0, None), dtype=np.float32)


def fit_intensity(target: Float, given: Float) -> Float:
    """``target`` mapped by the gain and offset that make its best-blurred version equal to ``given``.

    The blur matters: a sharp image fitted directly to its blurred one loses contrast.
    """
    gain, offset = fit_line(target, given)
    return np.asarray(gain * target + offset, dtype=np.float32)


def _shift_onto(image: Float, reference: Float) -> Float:
    from skimage.registration import phase_cross_correlation

    smooth_image, smooth_reference = (ndimage.gaussian_filter(a, 1.5) for a in (image, reference))
    shift, _, _ = phase_cross_correlation(smooth_reference, smooth_image, upsample_factor=20)
    # A real drift is a pixel or so; anything larger is a failed match and would spoil the pair.
    if np.abs(shift).max() > 6:
        return image
    return np.asarray(ndimage.shift(image, shift, order=3, mode="nearest"), dtype=np.float32)
