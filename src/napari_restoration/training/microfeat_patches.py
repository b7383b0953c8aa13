"""Labelled patches for MicroFeat, made on the fly; a batch depends on the seed and its number alone."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.noise import Camera
from napari_restoration.degradations.psf import defocus_disc_psf, gaussian_psf
from napari_restoration.training.microfeat_recipe import (
    ClassSettings,
    DegradationSettings,
    Interval,
    MicroFeatRecipe,
)
from napari_restoration.training.phantoms import LICENCE, draw_phantoms
from napari_restoration.training.recipe_data import PhantomSettings
from napari_restoration.training.sources import as_truth, read_plane

Float = NDArray[np.float32]
DRAWN_SHARE = 0.4
"""Share of drawn specimens among the regions of a class that has files as well."""

# Sides of a pixel at which drawings look as the measured files of their class do.
_PIXEL_UM = {
    "em_section": (0.008, 0.016),
    "microtubules": (0.06, 0.12),
    "actin": (0.06, 0.12),
    "mitochondria": (0.06, 0.12),
    "membranes": (0.15, 0.3),
    "nuclei": (0.3, 0.6),
}
_FAINTEST = 1e-3


@dataclass(frozen=True, eq=False, kw_only=True)
class Labelled:
    """A sharp image and its class.

    Parameters
    ----------
    name, licence, source
        File in the data folder, its licence and where it comes from.
    kind
        Number of the class.
    drawn
        No measured image.
    truths
        One ``(Y, X)`` float32 for each binning; 0 is black, 1 the 99.9th percentile.
    """

    name: str
    licence: str
    source: str
    kind: int
    drawn: bool
    truths: tuple[Float, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Samples:
    """Patches with what they are.

    Parameters
    ----------
    images
        ``(B, 1, H, W)`` float32, normalised: the percentiles of the region became 0 and 1.
    kinds
        ``(B,)`` int64, numbers of classes.
    measures
        ``(B, 2)`` float32: natural logarithm of the blur's standard deviation in pixels, log10 of the photons.
    """

    images: Float
    kinds: NDArray[np.int64]
    measures: Float


def load_labelled(recipe: MicroFeatRecipe, data_dir: str | Path, use: str) -> list[Labelled]:
    """Read the files of one use, ``train`` or ``val``, that a class matches, each as its truths.

    Stacks give their middle plane, colour images the mean of the channels. For ``val``, classes that cannot be
    scored are left out.

    Raises
    ------
    InputError
        ``use`` is another one (such files must not train weights that are given away), or ``index.csv``
        cannot be read.
    """
    if use not in ("train", "val"):
        raise InputError(f"Files for {use!r} are not read here; choose 'train' or 'val'.")
    path = Path(data_dir) / "index.csv"
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.DictReader(stream) if row["use"] == use]
    except (OSError, KeyError) as error:
        raise InputError(f"{path} cannot be read ({error}); name a data folder with an index.csv.") from error
    found = []
    for row in rows:
        kind = _class_of(recipe, row["file"], row["modality"], row["structure"])
        if kind is None or (use == "val" and not recipe.classes[kind].scored):
            continue
        settings = recipe.classes[kind]
        image = read_plane(Path(data_dir) / row["file"])
        truths = _truths(image, settings, recipe.smooth, recipe.patches.side)
        if truths:
            found.append(
                Labelled(name=row["file"], licence=row["licence"], source=row["source"], kind=kind, drawn=False,
                         truths=truths)
            )  # fmt: skip
    return found


def draw_labelled(recipe: MicroFeatRecipe) -> list[Labelled]:
    """Draw the specimens of the classes, always the same for a seed."""
    side, found = recipe.patches.phantom_side, []
    for kind, settings in enumerate(recipe.classes):
        groups = [
            PhantomSettings(
                kind=p, count=max(1, recipe.patches.phantom_count // 2), side=side, pixel_size_um=um
            )
            for p in settings.phantoms
            for um in _PIXEL_UM.get(p, (0.1,))
        ]
        for drawn in draw_phantoms(groups, recipe.seed):
            truth = as_truth(drawn.image, factor=1, smooth=0.0, black=drawn.settings.black)
            found.append(
                Labelled(name=drawn.name, licence=LICENCE, source="drawn from the recipe's seed", kind=kind,
                         drawn=True, truths=(truth,))
            )  # fmt: skip
    return found


class PatchMaker:
    """Draws regions evenly over the classes, spoils and normalises them, and cuts patches.

    Parameters
    ----------
    recipe
        Sizes and degradation.
    images
        What to draw from.
    stream
        Keeps draws for training and for checks apart under one seed.

    Raises
    ------
    InputError
        No images.
    """

    def __init__(self, recipe: MicroFeatRecipe, images: Sequence[Labelled], *, stream: int = 0) -> None:
        if not images:
            raise InputError(
                "The data folder has no image of the recipe's classes; change classes or folder."
            )
        self._recipe = recipe
        self._stream = stream
        # A class with one image of each sort draws from both sorts in fixed shares.
        self._classes = [
            [[i for i in images if i.kind == kind and i.drawn == drawn] for drawn in (False, True)]
            for kind in sorted({i.kind for i in images})
        ]

    def batch(self, number: int, size: int | None = None) -> Samples:
        """The batch of this number, of the recipe's size unless another is given."""
        recipe = self._recipe
        size = size or recipe.training.batch_size
        rng = np.random.default_rng([recipe.seed, 4, self._stream, number])
        images: list[Float] = []
        kinds: list[int] = []
        measures: list[tuple[float, float]] = []
        while len(images) < size:
            image = self._draw(rng)
            region, truth, labels = self._spoiled(image, rng)
            for _ in range(min(recipe.patches.per_field, size - len(images))):
                images.append(_cut(region, truth, recipe.patches.side, rng))
                kinds.append(image.kind)
                measures.append(labels)
        return Samples(
            images=np.stack(images)[:, None],
            kinds=np.array(kinds, dtype=np.int64),
            measures=np.array(measures, dtype=np.float32),
        )

    def _draw(self, rng: np.random.Generator) -> Labelled:
        measured, drawn = self._classes[int(rng.integers(len(self._classes)))]
        share = DRAWN_SHARE if measured and drawn else float(bool(drawn))
        chosen = drawn if rng.random() < share else measured
        return chosen[int(rng.integers(len(chosen)))]

    def _spoiled(self, image: Labelled, rng: np.random.Generator) -> tuple[Float, Float, tuple[float, float]]:
        truth = image.truths[int(rng.integers(len(image.truths)))]
        patches, degradation = self._recipe.patches, self._recipe.degradation
        region = busy_region(truth, patches.field, rng)
        sigma = _logarithmic(degradation.sigma_px, rng)
        photons = _logarithmic(degradation.photons, rng)
        disc = bool(rng.random() < degradation.disc_share)
        given = spoil(region, sigma, photons, disc, degradation, rng)
        low, high = np.percentile(
            given, [rng.uniform(*patches.percentiles_low), rng.uniform(*patches.percentiles_high)]
        )
        given = (given - np.float32(low)) / np.float32(max(float(high - low), 1e-6))
        return given.astype(np.float32, copy=False), region, (float(np.log(sigma)), float(np.log10(photons)))


def spoil(
    truth: Float,
    sigma_px: float,
    photons: float,
    disc: bool,
    settings: DegradationSettings,
    rng: np.random.Generator,
) -> Float:
    """Blur a sharp region and measure it with a camera.

    Parameters
    ----------
    truth
        ``(Y, X)``, values from 0; its 99.9th percentile becomes ``photons`` electrons.
    sigma_px
        Standard deviation of the blur on each axis; 0 leaves the region sharp.
    photons
        Electrons; infinite leaves the noise out.
    disc
        A uniform disc instead of a Gaussian.
    settings
        Ranges of background and read noise.
    rng
        Source of the noise.

    Returns
    -------
    ndarray
        ``(Y, X)`` float32, camera units.
    """
    peak = max(float(np.percentile(truth, 99.9)), _FAINTEST)
    blurred = truth / np.float32(peak)
    if sigma_px > 0:
        # A uniform disc of radius R has a standard deviation of R / 2 on each axis.
        kernel = defocus_disc_psf(2 * sigma_px) if disc else gaussian_psf(sigma_px)
        blurred = np.maximum(convolve(blurred, kernel), 0)
    background = rng.uniform(*settings.background)
    read_noise = rng.uniform(*settings.read_noise)
    if not np.isfinite(photons):
        return np.asarray(blurred, dtype=np.float32)
    camera = Camera(read_noise_electrons=read_noise, gain_electrons_per_adu=0.5, offset_adu=100.0)
    return np.asarray(camera(photons * (blurred + background), rng), dtype=np.float32)


def busy_region(image: Float, side: int, rng: np.random.Generator) -> Float:
    """A random square, the busiest of three; the whole of an image that is smaller."""
    height, width = (min(side, n) for n in image.shape)
    found = []
    for _ in range(3):
        y, x = (int(rng.integers(0, n - s + 1)) for n, s in zip(image.shape, (height, width), strict=True))
        found.append(image[y : y + height, x : x + width])
    return max(found, key=lambda region: float(region.std()))


def _cut(region: Float, truth: Float, side: int, rng: np.random.Generator) -> Float:
    """A random square, seven times in ten the busiest of three by its truth; turned and mirrored."""
    corners = []
    for _ in range(3 if rng.random() < 0.7 else 1):
        corners.append([int(rng.integers(0, n - side + 1)) for n in region.shape])
    y, x = max(corners, key=lambda c: float(truth[c[0] : c[0] + side, c[1] : c[1] + side].std()))
    turned = np.rot90(region[y : y + side, x : x + side], int(rng.integers(4)))
    return np.ascontiguousarray(turned[:, ::-1] if rng.integers(2) else turned)


def _class_of(recipe: MicroFeatRecipe, file: str, modality: str, structure: str) -> int | None:
    if any(fnmatchcase(file, pattern) for pattern in recipe.exclude):
        return None
    for number, settings in enumerate(recipe.classes):
        if any(fnmatchcase(modality, p) for p in settings.modalities) and any(
            fnmatchcase(structure, p) for p in settings.structures
        ):
            return number
    return None


def _truths(image: Float, settings: ClassSettings, smooth: float, side: int) -> tuple[Float, ...]:
    fitting = [b for b in settings.bins if min(image.shape) // b >= side]
    return tuple(as_truth(image, factor=b, smooth=smooth, black=settings.black) for b in fitting)


def _logarithmic(interval: Interval, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(interval[0]), np.log(interval[1]))))
