"""Where training computes and in which precision, on Lightning Fabric."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.training.training_settings import Precision

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def open_fabric(device: str, precision: Precision) -> Fabric:
    """Fabric on one device.

    Parameters
    ----------
    device : str
        "cpu", "cuda", "cuda:N" or "mps".
    precision : {"fp32", "bf16"}
        Weights are always 32-bit; bf16 is for forward passes.

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
    devices = [int(index or 0)] if kind == "cuda" else 1
    try:
        return Fabric(
            accelerator=kind, devices=devices, precision="bf16-mixed" if precision == "bf16" else "32-true"
        )
    except (RuntimeError, ValueError) as error:
        # Lightning's MisconfigurationException is a plain Exception in some versions and these in others.
        raise InputError(f"The device {device!r} cannot be used here ({_first_line(error)}).") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:160]
