"""The state of a training run as one file: tensors, random generators and counters cannot come apart.

A checkpoint is a safetensors file. Its metadata hold the rest of the state as JSON and a checksum of all
tensors, so that a damaged file is told from a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.files import write_bytes_atomically

if TYPE_CHECKING:
    from torch import Tensor

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"
FORMAT_VERSION = 1


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write ``last.ckpt``; the one before becomes ``previous.ckpt``. A kill at any moment leaves a whole one."""
    from safetensors.torch import save

    # Safetensors stores no views: what shares memory or is laid out channels-last is copied first.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {"version": str(FORMAT_VERSION), "state": json.dumps(dict(state)), "sha256": _digest(plain)}
    last = folder / LAST
    if last.exists():
        os.replace(last, folder / PREVIOUS)
    write_bytes_atomically(last, save(plain, metadata))


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the newest whole checkpoint of a run.

    Raises
    ------
    RestorationError
        If neither ``last.ckpt`` nor ``previous.ckpt`` is whole.
    """
    faults = []
    for name in (LAST, PREVIOUS):
        try:
            return _read(folder / name)
        except (OSError, ValueError, KeyError) as error:
            faults.append(f"{name}: {error}")
    raise RestorationError(
        f"The training run {folder} has no whole checkpoint ({'; '.join(faults)}); start it again in a new folder."
    )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if metadata["version"] != str(FORMAT_VERSION):
        raise ValueError(f"it has format {metadata['version']}, this version reads {FORMAT_VERSION}")
    if metadata["sha256"] != _digest(tensors):
        raise ValueError("its checksum does not match")
    state: dict[str, Any] = json.loads(metadata["state"])
    return tensors, state


def _digest(tensors: Mapping[str, Tensor]) -> str:
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
