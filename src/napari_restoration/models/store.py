"""Weight files: safetensors only, checked before they are parsed, written whole or not at all. No torch here."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import ModelError
from napari_restoration.core.files import atomic_folder, write_bytes_atomically
from napari_restoration.models import registry
from napari_restoration.models.card import ModelCard

MAX_HEADER_BYTES = 2**20
MAX_TENSORS = 10_000
_ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


@dataclass(frozen=True)
class StoredTensor:
    """What a weight file's header says about one tensor."""

    dtype: str
    shape: tuple[int, ...]


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_header(path: str | Path) -> dict[str, StoredTensor]:
    """Read and check the header of a safetensors file before anything else parses it.

    Returns
    -------
    dict
        Name -> dtype and shape of each tensor.

    Raises
    ------
    ModelError
        No safetensors file, a header over 1 MiB, more than 10 000 tensors, a name that comes twice, an entry
        that is no tensor, or sizes that do not add up to the file's.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if start[:2] in (b"PK", b"\x80\x02", b"\x80\x04"):
                raise _damaged(path, "it is a pickle or zip file, which can contain code")
            if not 2 <= length <= MAX_HEADER_BYTES:
                raise _damaged(path, f"its header has {length} bytes, allowed are {MAX_HEADER_BYTES}")
            header = json.loads(file.read(length), object_pairs_hook=_unique_names)
    except FileNotFoundError:
        raise ModelError(f"The weights {path} do not exist; install or export the model again.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no JSON object")
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise _damaged(path, f"it has {len(header)} tensors, allowed are {MAX_TENSORS}")
    tensors = {name: _stored_tensor(path, name, entry) for name, entry in header.items()}
    content = sum(_ITEM_BYTES[tensor.dtype] * math.prod(tensor.shape) for tensor in tensors.values())
    if 8 + length + content != path.stat().st_size:
        raise _damaged(path, "its tensors do not fill the file")
    return tensors


def save_model_folder(
    folder: str | Path,
    card: ModelCard,
    tensors: Mapping[str, NDArray[Any]],
    *,
    half: bool = True,
    overwrite: bool = False,
) -> ModelCard:
    """Write ``card.json`` and ``weights.safetensors`` into a folder that is whole or absent.

    Parameters
    ----------
    folder
        The folder to make.
    card
        The card; its file name, hash and size are replaced by what is written.
    tensors
        The network's state by name, for example ``{name: tensor.cpu().numpy() ...}``.
    half
        Store kernels (two and more axes) as float16; vectors such as a norm's statistics stay float32.
    overwrite
        Replace a folder that exists.

    Returns
    -------
    ModelCard
        The card as written.

    Raises
    ------
    ModelError
        A weight is not finite (also if only after rounding to float16). Nothing is written then.
    OutputError
        The folder exists, or cannot be written.
    """
    from safetensors.numpy import save

    stored = {name: _storable(name, np.asarray(value), half) for name, value in tensors.items()}
    content: bytes = save(stored)
    card = replace(
        card,
        weights_file="weights.safetensors",
        weights_sha256=hashlib.sha256(content).hexdigest(),
        weights_bytes=len(content),
    )
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        (temporary / card.weights_file).write_bytes(content)
        (temporary / registry.CARD_NAME).write_text(card.to_json(), encoding="utf-8")
    return card


def ship(model_folder: str | Path) -> ModelCard:
    """Put a model folder among the models that the package ships.

    The weights are copied to ``models/weights/ID.safetensors``, the card is added to ``models/cards.json`` or
    replaces the one with the same id.

    Raises
    ------
    ModelError
        Damaged weights or card, or a card that names no training data or no licence.
    """
    card, source = registry.find_card(Path(model_folder))
    check_header(source)
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise ModelError(f"{source} is not the file that its card describes; export the model again.")
    if not card.trained_on or not card.license:
        raise ModelError(f"The card of {card.id!r} names no training data or no licence; complete it first.")
    card = replace(card, weights_file=f"{card.id}.safetensors")
    cards = registry.read_shipped()
    index = next((i for i, other in enumerate(cards) if other.id == card.id), len(cards))
    cards[index : index + 1] = [card]
    registry.SHIPPED_WEIGHTS.mkdir(exist_ok=True)
    write_bytes_atomically(registry.SHIPPED_WEIGHTS / card.weights_file, content)
    text = json.dumps(
        {"version": 1, "models": [each.to_dict() for each in cards]},
        indent=1,
        ensure_ascii=False,
        allow_nan=False,
    )
    write_bytes_atomically(registry.SHIPPED_CARDS, (text + "\n").encode())
    return card


def _storable(name: str, value: NDArray[Any], half: bool) -> NDArray[Any]:
    if not np.issubdtype(value.dtype, np.floating):
        return np.require(value, requirements="C")
    if half and value.ndim >= 2:
        with np.errstate(over="ignore"):
            stored = value.astype(np.float16)
    else:
        stored = value.astype(np.float32)
    if not np.isfinite(stored).all():
        raise ModelError(
            f"Weight {name!r} is not finite as {stored.dtype}; go back to an earlier checkpoint."
        )
    return np.require(stored, requirements="C")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("its header names a tensor twice")
    return result


def _stored_tensor(path: Path, name: str, entry: Any) -> StoredTensor:
    dtype, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
    known = isinstance(dtype, str) and dtype in _ITEM_BYTES
    good = (
        isinstance(shape, list)
        and len(shape) <= 8
        and all(type(size) is int and 0 <= size < 2**40 for size in shape)
    )
    if known and good:
        return StoredTensor(str(dtype), tuple(shape or ()))
    raise _damaged(path, f"its entry {name[:80]!r} is no tensor")


def _damaged(path: Path, reason: str) -> ModelError:
    return ModelError(f"{path} is not used as weights: {reason}; only intact safetensors files are.")
