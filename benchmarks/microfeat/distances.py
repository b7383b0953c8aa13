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
from napari_restoration.training.microfeat_patches import Labelled

Float = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Distance = Callable[[Float, Float], Values]
"""Of images ``(N, H, W)`` from a clean one ``(H, W)``."""
Table = dict[str, float]

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


def l1(images: Float, clean: Float) -> Values:
    """Mean absolute difference."""
    return np.abs(images - clean).mean(axis=(1, 2))


def ssim_distance(images: Float, clean: Float) -> Values:
    """1 less the structural similarity, for a range of 1."""
    return np.array([1 - ssim(image, clean, data_range=1.0) for image in images])


class FeatureDistances:
    """The perceptual loss on layers of a network; maps are made once for all layers.

    Parameters
    ----------
    network
        Frozen.
    layers
        Name, before the activation or not, "l1" or "l2".
    """

    def __init__(self, network: FeatureNetwork, layers: Sequence[tuple[str, bool, str]]) -> None:
        self._network, self._layers = network, tuple(layers)

    @torch.no_grad()
    def __call__(self, images: Float, clean: Float) -> dict[str, Values]:
        """Distances of ``(N, H, W)`` images from ``(H, W)``, by layer."""
        names, every = [layer for layer, _, _ in self._layers], np.concatenate([clean[None], images])
        maps = self._network.features(torch.from_numpy(every)[:, None], names, before_act=True)
        found = {}
        for name, before, error in self._layers:
            values = maps[name] if before else maps[name].clamp_min(0)
            difference = values[1:] - values[:1]
            size = difference.abs() if error == "l1" else difference.square()
            found[name] = size.mean(dim=(1, 2, 3)).double().numpy()
        return found


def tabulate(distance: Distance, versions: Sequence[dict[str, Float]]) -> list[Table]:
    """Distances of all changed versions of each crop from it, by name."""
    return [
        dict(zip(_changed(made), distance(_stacked(made), made["clean"]).tolist(), strict=True))
        for made in versions
    ]


def tabulate_layers(
    distances: FeatureDistances, versions: Sequence[dict[str, Float]]
) -> dict[str, list[Table]]:
    """As `tabulate`, for each layer."""
    found: dict[str, list[Table]] = {}
    for made in versions:
        for layer, values in distances(_stacked(made), made["clean"]).items():
            found.setdefault(layer, []).append(dict(zip(_changed(made), values.tolist(), strict=True)))
    return found


def _changed(made: dict[str, Float]) -> list[str]:
    return [name for name in made if name != "clean"]


def _stacked(made: dict[str, Float]) -> Float:
    return np.stack([made[name] for name in _changed(made)])


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


def order(tables: Sequence[Table], reference: Reference) -> Ordering:
    """Judge a distance by what it says of the changed versions of all crops."""
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

    ssim: list[Table]
    l1: list[Table]


def reference_of(versions: Sequence[dict[str, Float]]) -> Reference:
    """Measure SSIM and l1 once."""
    return Reference(tabulate(ssim_distance, versions), tabulate(l1, versions))


def _dominated(tables: Sequence[Table]) -> float:
    cells = list(product((1.0, 2.0, 4.0), (1000.0, 100.0, 10.0)))
    pairs = [(a, b) for a in cells for b in cells if a != b and a[0] <= b[0] and a[1] >= b[1]]
    right = [t[f"grid {a[0]:g} {a[1]:g}"] < t[f"grid {b[0]:g} {b[1]:g}"] for t in tables for a, b in pairs]
    return float(np.mean(right))


def _agreement(tables: Sequence[Table], others: Sequence[Table]) -> float:
    same = []
    for mine, other in zip(tables, others, strict=True):
        names = list(mine)
        a, b = (np.array([t[n] for n in names]) for t in (mine, other))
        upper = np.triu_indices(len(names), 1)
        same.append(np.mean(np.sign(a[:, None] - a)[upper] == np.sign(b[:, None] - b)[upper]))
    return float(np.mean(same))


def _photons_of_equal_l1(clean: Float, blurred: Float) -> float:
    """Photons whose shot noise has the same mean absolute value as a blur's error, by the Gaussian limit."""
    wanted = float(np.abs(blurred - clean).mean())
    spread = float(np.mean(np.sqrt(np.maximum(clean, 0) + _BACKGROUND))) * np.sqrt(2 / np.pi)
    return float((spread / max(wanted, 1e-4)) ** 2)
