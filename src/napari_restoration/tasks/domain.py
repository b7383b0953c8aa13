"""Whether an image is of the kind a model was trained on, and what to do if it is not.

A model's card holds statistics of its training inputs. What lies far outside is told with a number and a way out.
Nothing is ever refused, and where a card holds no statistics nothing is said. An image that looks alike in these
numbers can still show what the network has never seen: silence is no promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.models.card import ModelCard
from napari_restoration.models.registry import find_card, list_models
from napari_restoration.tasks.domain_findings import (
    DomainFinding,
    about_intensities,
    about_pixel_size,
    pixel_um,
)
from napari_restoration.tasks.domain_measure import Sample, measure_image

__all__ = ["DomainFinding", "DomainReport", "check_domain"]


@dataclass(frozen=True, kw_only=True)
class DomainReport:
    """What a comparison with the training images found.

    Attributes
    ----------
    model
        Its id.
    is_known
        Whether there was anything to compare: the card holds statistics and the image is large enough, or both have
        a pixel size.
    findings
        What is off; empty if nothing is, or nothing is known.
    better_model
        A model of the list in whose training range the image lies; ``None`` if there is none, or it is not needed.
    advice
        The ways out beside those in the findings.
    """

    model: str
    is_known: bool
    findings: tuple[DomainFinding, ...] = ()
    better_model: str | None = None
    advice: str = ""

    @property
    def words(self) -> str:
        """All in sentences; empty if nothing is off."""
        if not self.findings:
            return ""
        told = " ".join(finding.words for finding in self.findings)
        return f"Unlike what {self.model} was trained on: {told} {self.advice}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {**asdict(self), "words": self.words}


def check_domain(
    image: CalibratedImage,
    card: ModelCard,
    *,
    channel: int | None = None,
    at: Mapping[str, int] | None = None,
) -> DomainReport:
    """Compare an image with a model's training images.

    Four parts of at most 512 x 512 pixels are read, whatever the size of the image.

    Parameters
    ----------
    image : CalibratedImage
        The input.
    card : ModelCard
        The model's.
    channel : int, optional
        The one to be restored.
    at : mapping of str to int, optional
        A plane that is among those looked at.

    Returns
    -------
    DomainReport
        Empty findings if nothing is off or nothing is known.
    """
    sample = _sample(image, card, channel, at)
    findings = (*about_pixel_size(image, card), *(about_intensities(sample, card) if sample else ()))
    is_known = sample is not None or bool(card.pixel_size_um and pixel_um(image))
    if not findings:
        return DomainReport(model=card.id, is_known=is_known)
    better = _better_model(image, card, sample, findings)
    return DomainReport(
        model=card.id, is_known=is_known, findings=findings, better_model=better,
        advice=_advice(better, findings),
    )  # fmt: skip


def _sample(
    image: CalibratedImage, card: ModelCard, channel: int | None, at: Mapping[str, int] | None
) -> Sample | None:
    if not card.domain:
        return None
    try:
        return measure_image(image, card.low_percentile, card.high_percentile, channel=channel, at=at)
    except InputError:
        return None  # what is wrong with the pixels is told when they are restored


def _better_model(
    image: CalibratedImage, card: ModelCard, sample: Sample | None, findings: tuple[DomainFinding, ...]
) -> str | None:
    """Another model for the task, or for that which a diagnosis advises, that the image is not outside of."""
    if sample is None or any(one.kind in ("saturated", "drowned") for one in findings):
        return None
    tasks = [card.task, *([advised] if (advised := _diagnosed_task(image)) not in (None, card.task) else [])]
    for task in tasks:
        try:
            names = list_models(task, classical=False)
        except ModelError:
            continue
        for name in names:
            other = find_card(name)[0]
            fits_shape = other.ndim == card.ndim and (other.frames is None or image.size_of("T") > 1)
            if other.id == card.id or not other.domain or not fits_shape:
                continue
            # A model that takes other percentiles sees other numbers.
            if (other.low_percentile, other.high_percentile) != (card.low_percentile, card.high_percentile):
                continue
            if not about_pixel_size(image, other) and not about_intensities(sample, other):
                return other.id
    return None


def _diagnosed_task(image: CalibratedImage) -> str | None:
    from napari_restoration.tasks.diagnose import diagnose

    try:
        return diagnose(image).task
    except InputError:
        return None


def _advice(better: str | None, findings: tuple[DomainFinding, ...]) -> str:
    kinds = {one.kind for one in findings}
    ways = [f"the model {better} was trained on images like it"] if better is not None else []
    if kinds - {"clean", "smooth", "saturated"}:
        ways.append("fine-tuning on such images in Train would help" if not ways else "or fine-tune in Train")
    text = ", ".join(ways)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
