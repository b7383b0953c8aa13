"""What a record says, in words: rows for a panel, a paragraph for a paper, and the command that replays it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import ModelError
from napari_restoration.core.provenance import Provenance
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard

__all__ = ["describe_record", "is_whole", "methods_paragraph", "replay_command"]

_DONE = {
    "denoise": "denoised", "deblur": "deblurred", "refocus": "refocused",
    "superres": "enlarged twice by super-resolution", "degrade": "degraded on purpose",
}  # fmt: skip
_PRECISIONS = {"fp32": "single precision", "bf16": "bfloat16", "fp16": "half precision"}
_PLAIN = RestoreSettings()


def is_whole(record: Mapping[str, Any]) -> bool:
    """Whether a record is that of a finished result, and not of a preview or a run that was stopped."""
    return bool(record.get("inputs")) and not record.get("preview") and record.get("complete", True) is True


def describe_record(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A record in words, as titles and texts.

    Parameters
    ----------
    record : mapping
        As a result carries it.

    Returns
    -------
    list of tuple
        Only what is known.

    Raises
    ------
    InputError
        Naming the field that is wrong.
    """
    one = Provenance.from_dict(record)
    card = _card_of(one)
    rows = [("Done", _DONE.get(one.task, one.task)), ("Date", one.created_utc.replace("T", " "))]
    if one.model:
        digest = str(one.model.get("weights_sha256", ""))
        title = f" ({card.title})" if card is not None else ""
        rows += [
            ("Model", f"{one.model.get('id')}{title}"),
            ("Weights", f"SHA-256 {digest}" if digest else "none"),
        ]
    rows.append(("Settings", "; ".join(_settings(one, card)) or "all defaults"))
    rows.append(("Computed", _computed(one)))
    rows += [("Input", _input(entry)) for entry in one.inputs]
    rows += [("Pixels", f"SHA-256 {entry['sha256']}") for entry in one.inputs if entry.get("sha256")]
    rows.append(("0 and 1 are", _normalization(one)))
    rows.append(("Versions", _versions(one)))
    rows.append(("Made before", "; ".join(_parent(parent) for parent in one.parents)))
    rows.append(("Told", " ".join(one.notices)))
    return [(title, text) for title, text in rows if text]


def methods_paragraph(record: Mapping[str, Any]) -> str:
    """A paragraph for the methods section of a paper; it says nothing that the record does not hold.

    What only the model's card knows (title, percentiles, citation) is said where the model here has the record's
    weights.

    Parameters
    ----------
    record : mapping
        As a result carries it.

    Raises
    ------
    InputError
        Naming the field that is wrong.
    """
    one = Provenance.from_dict(record)
    card = _card_of(one)
    named = " and ".join(_input(entry) for entry in one.inputs) or "The image"
    parts = [f"{named} was {_DONE.get(one.task, one.task)} with {_software(one)}{_by(one, card)}."]
    if one.model and one.normalization:
        parts.append(_scaling(one, card))
    settings = _settings(one, card)
    if settings:
        parts.append(f"Settings: {'; '.join(settings)}.")
    if one.model:
        parts.append(f"It was computed {_computed(one)}.")
    if one.parents:
        parts.append(
            f"The input was itself a result: {'; '.join(_parent(parent) for parent in one.parents)}."
        )
    if one.created_utc:
        parts.append(f"Made on {one.created_utc[:10]}; the full record is kept with the image.")
    return " ".join(parts)


def replay_command(record: str | Path, output: str | Path, source: str | Path | None = None) -> str:
    """The command line that makes a result again.

    Parameters
    ----------
    record : path
        The restored file, or its record as JSON.
    output : path
        The new file.
    source : path, optional
        The input, where its place is known.
    """
    words = ["napari-restoration", "replay", str(record), "-o", str(output)]
    return shlex.join([*words, *(["--input", str(source)] if source is not None else [])])


def _card_of(one: Provenance) -> ModelCard | None:
    """The model's card, if a model with these weights is here."""
    from napari_restoration.models.registry import find_card

    try:
        card = find_card(str(one.model.get("id", "")))[0]
    except ModelError:
        return None
    return card if card.weights_sha256 == one.model.get("weights_sha256", "") else None


def _software(one: Provenance) -> str:
    own = one.software.get("napari-restoration", "of an unknown version")
    kept = ("torch", "numpy", "scipy", "scikit-image", "python")
    beside = [f"{name} {one.software[name]}" for name in kept if name in one.software]
    if not one.model.get("weights_sha256"):
        beside = [text for text in beside if not text.startswith("torch ")]
    return f"napari-restoration {own}" + (f" ({', '.join(beside)})" if beside else "")


def _versions(one: Provenance) -> str:
    return ", ".join(f"{name} {version}" for name, version in one.software.items())


def _by(one: Provenance, card: ModelCard | None) -> str:
    if not one.model:
        return ""
    digest = str(one.model.get("weights_sha256", ""))
    about = [f"weights SHA-256 {digest}"] if digest else []
    if digest and one.model.get("arch"):
        about.insert(0, f"architecture {one.model['arch']}")
    if card is not None:
        about.insert(0, card.title)
        if card.citation:
            about.append(card.citation.rstrip("."))
    kind = "model" if digest else "method"
    return f" by the {kind} {one.model.get('id')!r}" + (f" ({'; '.join(about)})" if about else "")


def _scaling(one: Provenance, card: ModelCard | None) -> str:
    which = "The intensities that became 0 and 1"
    if card is not None and card.normalizer == "percentile" and one.model.get("weights_sha256"):
        which += f" (as a rule percentiles {card.low_percentile:g} and {card.high_percentile:g})"
    return f"{which} were {_normalization(one)}; the result was brought back to the original scale."


def _normalization(one: Provenance) -> str:
    entries = []
    for entry in one.normalization:
        parts = [f"{word} {entry[key]}" for key, word in _PLACES if entry.get(key)]
        if len(one.normalization) > 1 and not parts and "C" in entry:
            parts = ["channel 0"]
        where = f"{', '.join(parts)}: " if parts else ""
        low, high = entry.get("low"), entry.get("high")
        if isinstance(low, int | float) and isinstance(high, int | float):
            entries.append(f"{where}{low:.6g} and {high:.6g}")
    return "; ".join(entries)


_PLACES = (("C", "channel"), ("S", "colour"), ("channel", "network channel"), ("pass", "pass"))


def _settings(one: Provenance, card: ModelCard | None) -> list[str]:
    """What was chosen other than by default, and the tiles."""
    if one.task == "degrade":
        return _steps(one)
    chosen, found = one.settings, []
    if card is not None and card.frames is not None:
        found.append(
            f"frames {chosen.get('frames', 'auto')}, {'not ' * (chosen.get('register') is False)}aligned"
        )
    if isinstance(channel := chosen.get("channel"), int):
        found.append(f"channel {channel} alone, counted from 0")
    if (passes := chosen.get("passes", 1)) != 1:
        found.append(f"the network applied {passes} times, from the second time on to its own result")
    if chosen.get("adapt"):
        found.append("batch norms adapted to the image")
    if chosen.get("dtype", _PLAIN.dtype) == "same":
        found.append("result rounded and clipped to the input's type")
    parameters = chosen.get("parameters")
    if isinstance(parameters, Mapping) and parameters:
        found.append(", ".join(f"{name} = {_plain(value)}" for name, value in parameters.items()))
    tile, halo = chosen.get("tile"), chosen.get("halo")
    if isinstance(tile, list) and isinstance(halo, list) and halo:
        found.append(f"tiles of {' x '.join(map(str, tile))} pixels with {halo[0]} around them")
    return found


def _steps(one: Provenance) -> list[str]:
    model = one.settings.get("model")
    entries = model.get("steps", ()) if isinstance(model, Mapping) else ()
    found = []
    for entry in entries:
        if isinstance(entry, Mapping):
            values = ", ".join(f"{k} = {_plain(v)}" for k, v in entry.items() if k != "kind")
            found.append(f"{str(entry.get('kind', 'step')).replace('_', ' ')} ({values})")
    return [*found, *([f"seed {one.seed}"] if one.seed is not None else [])]


def _computed(one: Provenance) -> str:
    if not one.device:
        return ""
    where = "on the CPU" if one.device == "cpu" else f"on {one.device}"
    threads = one.settings.get("threads")
    on = f", {threads} thread{'s' if threads != 1 else ''}" if isinstance(threads, int) else ""
    return f"{where}{on}, in {_PRECISIONS.get(one.precision, one.precision)}"


def _input(entry: Mapping[str, Any]) -> str:
    about = [
        f"{entry.get('axes', '')} {' x '.join(map(str, entry.get('shape', ())))}",
        str(entry.get("dtype", "")),
    ]
    sizes = entry.get("pixel_size_um")
    if isinstance(sizes, Mapping) and sizes:
        about.append(f"{' x '.join(f'{size:.4g}' for size in sizes.values())} um ({''.join(sizes)})")
    return f"{entry.get('name', 'The image')!r} ({', '.join(text for text in about if text.strip())})"


def _parent(parent: Mapping[str, Any]) -> str:
    model = parent.get("model")
    by = f" by {model['id']}" if isinstance(model, Mapping) and model.get("id") else ""
    return f"{_DONE.get(str(parent.get('task')), parent.get('task'))}{by}"


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
