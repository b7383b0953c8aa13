"""Whether a distance between images orders what is done to them rightly.

Every distance is asked the same: a clean crop of a `val` image against spoiled versions of it, on the clean crop's
scale (its 2nd and 99.8th percentile are 0 and 1). What is worse is known by construction, nobody was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage, stats

from napari_restoration.core.metrics import ssim
from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.psf import defocus_disc_psf, gaussian_psf
from napari_restoration.models.archs.features import FeatureNetwork
from napari_restoration.training.losses.perceptual import perceptual
from napari_restoration.training.microfeat_patches import Labelled

Float = npt.NDArray[np.float32]
Distance = Callable[[Float, Float], float]

SIDE = 96
BLURS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
PHOTONS = (3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0)
HARMFUL = ("blur 1.5 px", "blur 3 px", "disc 2 px", "100 photons", "30 photons")
HARMLESS = ("shift 0.5 px", "shift 1 px", "shift 2 px", "gain 0.85, offset 0.05")
_BACKGROUND = 0.03
_EDGE = 8


@dataclass(frozen=True)
class Ordering:
    """How well a distance orders.

    Attributes
    ----------
    blur, disc, noise
        Spearman's rank correlation of distance and degree, mean over crops.
    dominated
        Share of pairs of blur and noise where one has more of both (or of one), ordered rightly.
    harmless
        Share of (harmless, harmful) pairs where the harmless change is the smaller distance, by their names.
    agrees_ssim, agrees_l1
        Share of pairs of any two changes that are ordered as SSIM and as l1 order them.
    blur_to_noise
        Median of the distance of a blur of 2 px to that of noise with the same l1: above 1, lost detail counts
        for more than noise.
    """

    blur: float
    disc: float
    noise: float
    dominated: float
    harmless: dict[str, float]
    agrees_ssim: float
    agrees_l1: float
    blur_to_noise: float


def crops(images: Sequence[Labelled]) -> list[Float]:
    """The busiest window of each image at its coarsest binning, with a rim that shifts can draw on."""
    found = []
    for image in images:
        truth = image.truths[-1]
        height, width = (min(SIDE + 2 * _EDGE, n) for n in truth.shape)
        corners = product(range(0, truth.shape[0] - height + 1, 16), range(0, truth.shape[1] - width + 1, 16))
        windows = [truth[y : y + height, x : x + width] for y, x in corners]
        best = max(windows, key=lambda window: float(window.std()))
        low, high = np.percentile(best, [2, 99.8])
        found.append(((best - low) / max(float(high - low), 1e-6)).astype(np.float32))
    return found


def l1(image: Float, clean: Float) -> float:
    """Mean absolute difference."""
    return float(np.abs(image - clean).mean())


def ssim_distance(image: Float, clean: Float) -> float:
    """1 less the structural similarity, for a range of 1."""
    return 1 - ssim(image, clean, data_range=1.0)


def feature_distance(network: FeatureNetwork, layer: str, before_act: bool, error: str) -> Distance:
    """The perceptual loss on one layer of a network."""

    def distance(image: Float, clean: Float) -> float:
        one, other = (torch.from_numpy(np.ascontiguousarray(a))[None, None] for a in (image, clean))
        with torch.no_grad():
            value = perceptual(network, one, other, layers=[layer], before_act=before_act, error=error)  # type: ignore[arg-type]
        return float(value)

    return distance


def changes(clean: Float, rng: np.random.Generator) -> dict[str, Float]:
    """Spoiled and harmlessly changed versions of a crop, without its rim, by name; ``clean`` is among them."""
    made = {"clean": clean}
    for sigma in BLURS:
        made[f"blur {sigma:g} px"] = convolve(clean, gaussian_psf(sigma))
        made[f"disc {sigma:g} px"] = convolve(clean, defocus_disc_psf(2 * sigma))
    for photons in PHOTONS:
        made[f"{photons:g} photons"] = noisy(clean, photons, rng)
    for sigma, photons in product((1.0, 2.0, 4.0), (1000.0, 100.0, 10.0)):
        made[f"grid {sigma:g} {photons:g}"] = noisy(made[f"blur {sigma:g} px"], photons, rng)
    for pixels in (0.5, 1.0, 2.0):
        made[f"shift {pixels:g} px"] = ndimage.shift(clean, (0, pixels), order=3, mode="reflect")
    made["gain 0.85, offset 0.05"] = np.float32(0.85) * clean + np.float32(0.05)
    equal = _photons_of_equal_l1(clean, made["blur 2 px"])
    made["noise like blur 2 px"] = noisy(clean, equal, rng)
    inner = np.s_[_EDGE:-_EDGE, _EDGE:-_EDGE]
    return {name: np.ascontiguousarray(image[inner], dtype=np.float32) for name, image in made.items()}


def noisy(image: Float, photons: float, rng: np.random.Generator) -> Float:
    """Shot noise of an image whose value 1 gives so many photons, over a background of 3 %."""
    expected = photons * (np.maximum(image, 0) + _BACKGROUND)
    return np.asarray(rng.poisson(expected) / photons - _BACKGROUND, dtype=np.float32)


def order(distance: Distance, versions: Sequence[dict[str, Float]], reference: Reference) -> Ordering:
    """Ask a distance about the changed versions of all crops."""
    tables = [
        {name: distance(image, made["clean"]) for name, image in made.items() if name != "clean"}
        for made in versions
    ]
    ladders = (
        [f"blur {s:g} px" for s in BLURS],
        [f"disc {s:g} px" for s in BLURS],
        [f"{p:g} photons" for p in PHOTONS],
    )
    spearman = [
        float(np.mean([stats.spearmanr(range(len(names)), [t[n] for n in names]).statistic for t in tables]))
        for names in ladders
    ]
    harmless = {
        f"{good} < {bad}": float(np.mean([t[good] < t[bad] for t in tables]))
        for good, bad in product(HARMLESS, HARMFUL)
    }
    ratios = [t["blur 2 px"] / t["noise like blur 2 px"] for t in tables]
    return Ordering(
        blur=spearman[0], disc=spearman[1], noise=spearman[2], dominated=_dominated(tables), harmless=harmless,
        agrees_ssim=_agreement(tables, reference.ssim), agrees_l1=_agreement(tables, reference.l1),
        blur_to_noise=float(np.median(ratios)),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reference:
    """What SSIM and l1 say of all changed versions."""

    ssim: list[dict[str, float]]
    l1: list[dict[str, float]]


def reference_of(versions: Sequence[dict[str, Float]]) -> Reference:
    """Measure SSIM and l1 once."""
    tables = [
        [
            {name: distance(image, made["clean"]) for name, image in made.items() if name != "clean"}
            for made in versions
        ]
        for distance in (ssim_distance, l1)
    ]
    return Reference(*tables)


def _dominated(tables: Sequence[dict[str, float]]) -> float:
    cells = list(product((1.0, 2.0, 4.0), (1000.0, 100.0, 10.0)))
    pairs = [(a, b) for a in cells for b in cells if a != b and a[0] <= b[0] and a[1] >= b[1]]
    right = [t[f"grid {a[0]:g} {a[1]:g}"] < t[f"grid {b[0]:g} {b[1]:g}"] for t in tables for a, b in pairs]
    return float(np.mean(right))


def _agreement(tables: Sequence[dict[str, float]], others: Sequence[dict[str, float]]) -> float:
    same = []
    for mine, other in zip(tables, others, strict=True):
        names = list(mine)
        a, b = (np.array([t[n] for n in names]) for t in (mine, other))
        upper = np.triu_indices(len(names), 1)
        same.append(np.mean(np.sign(a[:, None] - a)[upper] == np.sign(b[:, None] - b)[upper]))
    return float(np.mean(same))


def _photons_of_equal_l1(clean: Float, blurred: Float) -> float:
    """Photons whose shot noise has the same mean absolute value as a blur's error, by the Gaussian limit."""
    wanted = l1(blurred, clean)
    spread = float(np.mean(np.sqrt(np.maximum(clean, 0) + _BACKGROUND))) * np.sqrt(2 / np.pi)
    return float((spread / max(wanted, 1e-4)) ** 2)
