"""Weights of feature networks that the package ships: ``features.json`` beside ``cards.json``, which it is no part of.

A feature network restores nothing, so it has no model card; its entry says what it saw, what it expects and how it
was scored. No torch here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import ModelError
from napari_restoration.models.card import read_card_json

SHIPPED_FEATURES = Path(__file__).with_name("features.json")
FEATURE_WEIGHTS = Path(__file__).with_name("weights") / "features"
MOST_BYTES = 5_000_000
"""Largest weight file that the package ships for a feature network."""


@dataclass(frozen=True, kw_only=True)
class FeatureWeights:
    """What is known about shipped weights.

    Parameters
    ----------
    id
        Name of the network in `napari_restoration.models.archs.features.FEATURES`.
    weights_file, weights_sha256, weights_bytes
        File name in `FEATURE_WEIGHTS`, its SHA-256 in hexadecimal, its size.
    settings
        Settings of the network that the weights fit. Less of it can be built, another range declared.
    classes
        What its own training told apart, by number.
    low_percentile, high_percentile
        Which percentiles of an image were about 0 and 1 in its training.
    trained_on
        The training files: mappings with file, licence and source.
    recipe, seed, training
        File of the training recipe, its seed, and what happened (steps, patches, processor hours).
    scores
        Measured scores, and the command that measures them.
    license
        Licence of the weights.
    """

    id: str
    weights_file: str
    weights_sha256: str
    weights_bytes: int
    settings: Mapping[str, Any]
    classes: tuple[str, ...]
    low_percentile: float
    high_percentile: float
    trained_on: tuple[Mapping[str, str], ...]
    recipe: str
    seed: int
    training: Mapping[str, Any]
    scores: Mapping[str, Any] = field(default_factory=dict)
    license: str = "BSD-3-Clause"


def shipped_features(name: str) -> FeatureWeights | None:
    """The entry of a feature network; None where the package has no weights for it.

    Raises
    ------
    ModelError
        ``features.json`` is damaged.
    """
    content = read_card_json(SHIPPED_FEATURES)
    try:
        if not isinstance(content, dict) or content["version"] != 1:
            raise ValueError("its version is not 1")
        entries = {entry["id"]: entry for entry in content["features"]}
        if name not in entries:
            return None
        entry: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entries[name].items()}
        return FeatureWeights(**entry)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{SHIPPED_FEATURES} is damaged ({error}); install napari-restoration again."
        ) from error


def find_shipped(name: str, settings: object) -> Path | None:
    """The weight file that the package has for a feature network of these settings; None if it has none.

    The range that is declared, and which layer is the last, do not matter; the number of maps does.

    Raises
    ------
    ModelError
        The file is missing or is not the one that ``features.json`` describes.
    """
    entry = shipped_features(name)
    if entry is None or getattr(settings, "divide", None) != entry.settings["divide"]:
        return None
    return shipped_file(entry)


def shipped_file(entry: FeatureWeights) -> Path:
    """The weight file of an entry, whole and the one that the entry describes.

    Raises
    ------
    ModelError
        It is missing, or has another size or hash.
    """
    path = FEATURE_WEIGHTS / entry.weights_file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}); install napari-restoration again.") from error
    if len(content) != entry.weights_bytes or hashlib.sha256(content).hexdigest() != entry.weights_sha256:
        raise ModelError(
            f"{path} is not the file that features.json describes (SHA-256 or size differ); install "
            "napari-restoration again."
        )
    return path
