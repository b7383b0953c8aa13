"""The state of a training run as one file: tensors, random generators and counters cannot come apart.

A checkpoint is a safetensors file. Its metadata hold the rest of the state as JSON, a checksum of all tensors, so
that a damaged file is told from a whole one, and a hash of the run's configuration, so that a foreign one is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.files import write_bytes_atomically

if TYPE_CHECKING:
    from torch import Tensor

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"
FORMAT_VERSION = 2
_NEXT = "next.ckpt"
_FIRST_FORMAT = "1"


class Checkpoint(NamedTuple):
    """What a checkpoint held, and what was wrong with a newer one (empty if nothing)."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]
    fault: str


def write_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any], *, run: str = ""
) -> None:
    """Write ``last.ckpt``; the one before becomes ``previous.ckpt``.

    A kill at any moment, or a full disk, leaves a whole one.

    Parameters
    ----------
    folder : Path
    tensors, state : mapping
        The state in tensors, and in values that JSON holds.
    run : str
        Hash of the run's configuration.
    """
    from safetensors.torch import save

    # Safetensors stores no views: what shares memory or is laid out channels-last is copied first.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {
        "version": str(FORMAT_VERSION), "state": json.dumps(dict(state)), "sha256": _digest(plain), "run": run
    }  # fmt: skip
    # The new one is on the disk before the others change their names.
    write_bytes_atomically(folder / _NEXT, save(plain, metadata))
    if (folder / LAST).exists():
        os.replace(folder / LAST, folder / PREVIOUS)
    os.replace(folder / _NEXT, folder / LAST)


def read_checkpoint(folder: Path, *, run: str = "") -> Checkpoint:
    """Read the newest whole checkpoint of a run.

    Parameters
    ----------
    folder : Path
    run : str
        Hash of the run's configuration; empty reads any.

    Raises
    ------
    RestorationError
        If neither ``last.ckpt`` nor ``previous.ckpt`` is whole, or one belongs to another run or version.
    """
    faults: list[str] = []
    for name in (LAST, PREVIOUS):
        try:
            tensors, state, owner = _read(folder / name)
        except (OSError, ValueError, KeyError) as error:
            faults.append(f"{name}: {error}")
            continue
        if run and owner and owner != run:
            raise RestorationError(
                f"{folder / name} belongs to another training run; put back the one that was made here or start "
                "again in a new folder."
            )
        return Checkpoint(tensors, state, "; ".join(faults))
    raise RestorationError(
        f"The training run {folder} has no whole checkpoint ({'; '.join(faults)}); start it again in a new folder."
    )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    version = metadata["version"]
    if version not in (str(FORMAT_VERSION), _FIRST_FORMAT):
        raise RestorationError(
            f"{path} has format {version}, and this version of napari-restoration reads up to {FORMAT_VERSION}; go on "
            "with the version that made it."
        )
    if metadata["sha256"] != _digest(tensors):
        raise ValueError("its checksum does not match")
    state: dict[str, Any] = json.loads(metadata["state"])
    if version == _FIRST_FORMAT:
        tensors, state = _from_first_format(tensors, state)
    return tensors, state, metadata.get("run", "")


def _from_first_format(
    tensors: Mapping[str, Tensor], state: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The first format knew one network and no method."""
    renamed = {}
    for name, tensor in tensors.items():
        kind, rest = name.split(".", 1)
        renamed[name if kind == "rng" else f"{kind}.generator.{rest}"] = tensor
    core = {
        "phase": 0, "parts": 1, "steps_averaged": state["steps_averaged"], "frozen": state["frozen"],
        "watch": {"recent": [], "drops": 0, "good": 0},
    }  # fmt: skip
    kept = {name: state[name] for name in ("step", "elapsed", "history", "best")}
    return renamed, {**kept, "core": core}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
