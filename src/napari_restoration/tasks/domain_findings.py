"""In what an image lies outside of a model's training data: findings in words, with the number and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, log10
from typing import Any

import numpy as np

from napari_restoration.core.image import CalibratedImage
from napari_restoration.models.card import ModelCard
from napari_restoration.tasks.domain_measure import Sample
from napari_restoration.training.domain import middle_detail, signal_share

# All chosen on degraded training images, for about 1 % false alarms each; see benchmarks/domain.md.
# Decades below the 5th percentile of the training images' noise.
_CLEANER = 0.26
# Training's standard deviations that the finest detail lies below its mean.
_SMOOTHER = 2.7
# Beyond the 5th or 95th percentile, in distances of that from the 50th.
_SOFTER, _BRIGHTER = 0.1, 0.3
# Decades below the 5th percentile of the share of the power above white noise.
_DROWNED = 0.5
_SATURATED = 0.01
# Pixel sizes of one microscope are noted that differently.
_SAME_SIZE = 1.05


@dataclass(frozen=True, kw_only=True)
class DomainFinding:
    """One way in which an image differs from a model's training images.

    Attributes
    ----------
    kind
        ``"pixel_size"``, ``"clean"``, ``"smooth"``, ``"soft"``, ``"drowned"``, ``"bright"`` or ``"saturated"``.
    words
        What is off, by how much, and what to do: a sentence.
    value, low, high
        The number, and the range of the training images; ``None`` where it has no such end.
    """

    kind: str
    words: str
    value: float
    low: float | None = None
    high: float | None = None


def about_pixel_size(image: CalibratedImage, card: ModelCard) -> list[DomainFinding]:
    """Pixels finer or coarser than in training, where both are known."""
    size = pixel_um(image)
    if size is None or card.pixel_size_um is None:
        return []
    low, high = card.pixel_size_um
    if low / _SAME_SIZE <= size <= high * _SAME_SIZE:
        return []
    wanted = low if size < low else high
    factor = max(size / wanted, wanted / size)
    how, end = ("finer", "finest") if size < low else ("coarser", "coarsest")
    words = (
        f"its pixels of {size:.3g} um are {factor:.2g} times {how} than the {end} of training "
        f"({_range(low, high)} um): resample it to {wanted:.3g} um."
    )
    return [DomainFinding(kind="pixel_size", words=words, value=size, low=low, high=high)]


def about_intensities(sample: Sample, card: ModelCard) -> list[DomainFinding]:
    """Everything that was measured on the pixels, as far as the card holds the statistics."""
    domain = card.domain
    cleaner = _about_noise(sample, domain) or _about_fine_detail(sample, domain)
    found = [*cleaner, *_about_middle_detail(sample, domain), *_about_signal(sample, domain)]
    return [*found, *_about_brightness(sample, domain), *_about_saturation(sample)]


def _about_noise(sample: Sample, domain: Mapping[str, Any]) -> list[DomainFinding]:
    spread = _spread(domain, "noise_level")
    if spread is None or not spread[0] > 0:
        return []
    low, _, high = spread
    noise = max(sample.noise, 1e-9)
    if log10(low / noise) <= _CLEANER:
        return []
    times = f"{low / noise:.2g} times" if low / noise < 100 else "more than 100 times"
    words = (
        f"it has {times} less noise than nearly all training images ({noise:.2g} of the intensity range instead of "
        f"{_range(low, high)}): if it was averaged or restored before, take the raw image."
    )
    return [DomainFinding(kind="clean", words=words, value=noise, low=low, high=high)]


def _about_fine_detail(sample: Sample, domain: Mapping[str, Any]) -> list[DomainFinding]:
    power = domain.get("log10_radial_power")
    if not isinstance(power, Mapping):
        return []
    mean, sd = _numbers(power.get("mean"), len(sample.power)), _numbers(power.get("sd"), len(sample.power))
    if mean is None or sd is None or not (sd > 0).all():
        return []
    away = float(((sample.power - mean) / sd)[8:].mean())
    if away >= -_SMOOTHER:
        return []
    lost = 10 ** float((mean - sample.power)[8:].mean())
    words = (
        f"its finest detail and noise (2 to 4 pixels) have {lost:.2g} times less power than in training images: if it "
        "was smoothed, compressed or enlarged before, take the raw image."
    )
    return [DomainFinding(kind="smooth", words=words, value=away, low=-_SMOOTHER)]


def _about_middle_detail(sample: Sample, domain: Mapping[str, Any]) -> list[DomainFinding]:
    spread = _spread(domain, "middle_detail")
    if spread is None:
        return []
    low, middle, high = spread
    value = middle_detail(sample.power)
    if value >= low - _SOFTER * (middle - low):
        return []
    words = (
        f"its detail of 5 to 16 pixels is {10 ** (middle - value):.2g} times weaker than in a typical training image: "
        "it may be out of focus, or its pixels far too fine; then bin it, or take a sharper plane."
    )
    return [DomainFinding(kind="soft", words=words, value=value, low=low, high=high)]


def _about_signal(sample: Sample, domain: Mapping[str, Any]) -> list[DomainFinding]:
    spread = _spread(domain, "signal_share")
    if spread is None or not spread[0] > 0:
        return []
    low, _, high = spread
    value = signal_share(sample.power)
    if log10(low / max(value, 1e-6)) <= _DROWNED:
        return []
    words = (
        f"only {100 * value:.2g} % of its power stand above white noise ({100 * low:.2g} to {100 * high:.2g} % in "
        "training): average frames or expose longer, if you can."
    )
    return [DomainFinding(kind="drowned", words=words, value=value, low=low, high=high)]


def _about_brightness(sample: Sample, domain: Mapping[str, Any]) -> list[DomainFinding]:
    spread = _spread(domain, "median")
    if spread is None:
        return []
    low, middle, high = spread
    value = float(sample.quantiles[3])
    if value <= high + _BRIGHTER * (high - middle):
        return []
    words = (
        f"half of its pixels are brighter than {100 * value:.0f} % of the intensity range ({100 * low:.0f} to "
        f"{100 * high:.0f} % in training): invert it if its structures are dark."
    )
    return [DomainFinding(kind="bright", words=words, value=value, low=low, high=high)]


def _about_saturation(sample: Sample) -> list[DomainFinding]:
    if sample.saturated <= _SATURATED:
        return []
    words = (
        f"{100 * sample.saturated:.2g} % of its pixels are saturated, which no training image is: what is lost there "
        "stays lost."
    )
    return [DomainFinding(kind="saturated", words=words, value=sample.saturated, high=_SATURATED)]


def pixel_um(image: CalibratedImage) -> float | None:
    """Side of a pixel in micrometres, if it is known."""
    sizes = [image.pixel_size_um[axis] for axis in "YX" if axis in image.pixel_size_um]
    return float(np.sqrt(sizes[0] * sizes[-1])) if sizes else None


def _spread(domain: Mapping[str, Any], name: str) -> tuple[float, float, float] | None:
    """5th, 50th and 95th percentile; None where a card does not hold them in order."""
    found = domain.get(name)
    if not isinstance(found, Mapping):
        return None
    numbers = _numbers([found.get(key) for key in ("p5", "p50", "p95")], 3)
    if numbers is None or not numbers[0] < numbers[1] < numbers[2]:
        return None
    return float(numbers[0]), float(numbers[1]), float(numbers[2])


def _numbers(values: Any, count: int) -> Any:
    if not isinstance(values, list | tuple) or len(values) != count:
        return None
    if not all(isinstance(one, int | float) and isfinite(one) for one in values):
        return None
    return np.array(values, dtype=np.float64)


def _range(low: float, high: float) -> str:
    return f"{low:.2g} to {high:.2g}"
