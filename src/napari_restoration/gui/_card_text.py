"""What a model's card says, as the text of a tooltip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from napari_restoration.models.classical.catalogue import is_classical

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard

_MOST_NAMES = 12
_SETS = {"val": "Validation images"}
_METRICS = {"psnr": ("PSNR", "{:.2f} dB"), "ssim": ("SSIM", "{:.3f}")}


def describe_card(card: ModelCard) -> str:
    """What a model is: size, training data, measured scores, licence.

    Parameters
    ----------
    card : ModelCard
        The model.

    Returns
    -------
    str
        Rich text of a few lines.
    """
    size = "without a network" if is_classical(card) else f"{card.arch}, {card.weights_bytes / 1e6:.1f} MB"
    rows = [("Model", f"{card.id}, {size}")]
    names = list(dict.fromkeys(str(data.get("name", "?")) for data in card.trained_on))
    if names:
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        rows.append(("Trained on", ", ".join(names[:_MOST_NAMES]) + more))
    if card.pixel_size_um:
        low, high = card.pixel_size_um
        rows.append(("Pixel size", f"{low * 1000:g} to {high * 1000:g} nm"))
    untuned = ", default parameters" if is_classical(card) else ""
    rows += [(title + untuned, values) for title, values in describe_scores(card.scores)]
    if is_classical(card):
        rows += [("Source", card.citation)] if card.citation else []
    else:
        rows.append(("Licence", card.license))
    table = "".join(f"<tr><td>{escape(a)}&nbsp;&nbsp;</td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<p>{escape(card.description)}</p><table>{table}</table>"


def describe_scores(scores: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """One line for each set of images: the model beside the input and the best classical method.

    Parameters
    ----------
    scores : mapping
        As ``benchmarks.quality`` writes them into a card: by set of images, then by level of degradation.

    Yields
    ------
    tuple of str
        Title and values; whatever has another form is left out.
    """
    for name, levels in scores.items():
        if not isinstance(levels, Mapping) or not levels:
            continue
        level = levels.get("all", next(iter(levels.values())))
        if not isinstance(level, Mapping):
            continue
        parts = [
            _metric(metric, entry)
            for metric, entry in level.items()
            if isinstance(entry, Mapping) and isinstance(entry.get("model"), int | float)
        ]
        if parts:
            yield _SETS.get(name, f"Real pairs, {name}"), "; ".join(parts)


def _metric(metric: str, entry: Mapping[str, Any]) -> str:
    title, form = _METRICS.get(metric.removesuffix("_affine"), (metric, "{:.3g}"))
    beside = [
        f"{label} {form.format(entry[key])}"
        for key, label in (
            ("input", "input"),
            ("best_baseline", str(entry.get("best_baseline_name", "best filter"))),
        )
        if isinstance(entry.get(key), int | float)
    ]
    text = f"{title} {form.format(entry['model'])}"
    return f"{text} ({', '.join(beside)})" if beside else text
