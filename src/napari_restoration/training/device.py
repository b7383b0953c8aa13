"""Where training computes and in which precision, on Lightning Fabric."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.training.training_settings import Precision

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import Tensor


def open_fabric(device: str, precision: Precision, devices: int = 1) -> Fabric:
    """Fabric on one device, or on several of a kind with a process for each.

    The further processes are started here: they run the command of this one again, from its begin to this line.

    Parameters
    ----------
    device : str
        "cpu", "cuda", "cuda:N" or "mps".
    precision : {"fp32", "bf16"}
        Weights are always 32-bit; bf16 is for forward passes.
    devices : int
        How many; with more than one, ``device`` has no number.

    Raises
    ------
    RestorationError
        If Lightning Fabric is not installed.
    InputError
        If there is no such device.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise RestorationError(
            'Training needs Lightning Fabric: install it with `pip install "napari-restoration[train]"`.'
        ) from error
    # It tells of its precision on stderr, where the progress bar is.
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdigit()):
        raise InputError(f"The device {device!r} is unknown; give cpu, cuda, cuda:N or mps.")
    if devices > 1 and (index or kind == "mps"):
        raise InputError(
            f"Training on {devices} devices takes the first of a kind; give cuda or cpu, not {device!r}."
        )
    chosen = devices if devices > 1 else [int(index or 0)] if kind == "cuda" else 1
    try:
        fabric = Fabric(
            accelerator=kind, devices=chosen, strategy="ddp" if devices > 1 else "auto",
            precision="bf16-mixed" if precision == "bf16" else "32-true",
        )  # fmt: skip
        if devices > 1:
            fabric.launch()
        return fabric
    except (RuntimeError, ValueError) as error:
        # Lightning's MisconfigurationException is a plain Exception in some versions and these in others.
        raise InputError(f"The device {device!r} cannot be used here ({_first_line(error)}).") from error


def average(fabric: Fabric, tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over the processes, in one exchange."""
    import torch

    group = [tensor for tensor in tensors if tensor.is_floating_point()]
    if fabric.world_size == 1 or not group:
        return
    flat = fabric.all_reduce(torch.cat([tensor.reshape(-1) for tensor in group]), reduce_op="mean")
    assert isinstance(flat, torch.Tensor)
    for tensor, part in zip(group, flat.split([tensor.numel() for tensor in group]), strict=True):
        tensor.copy_(part.reshape(tensor.shape))


def mean_of(fabric: Fabric, value: float) -> float:
    """Mean of a number over the processes."""
    import torch

    if fabric.world_size == 1:
        return value
    shared = torch.tensor([value], dtype=torch.float32, device=fabric.device)
    average(fabric, [shared])
    return float(shared)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:160]
