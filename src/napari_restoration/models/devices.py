"""Which device a model runs on, and how running out of its memory shows."""

from __future__ import annotations

import re

from napari_restoration.core.errors import InputError

# What torch, oneDNN, cuDNN, cuBLAS, Metal and the C++ library say; most of it comes as a plain RuntimeError.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|can'?t allocate memory|cannot allocate memory|not enough memory|failed to allocate|bad_alloc"
    r"|alloc_failed|bad allocation|invalid buffer size|memory allocation|could not create a memory object",
    re.IGNORECASE,
)


def available_devices() -> list[str]:
    """Names of the devices that are present, the best first; the last is always "cpu"."""
    import torch

    devices = (
        [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def resolve_device(device: str = "auto") -> tuple[str, str | None]:
    """Turn a user's choice into a device that is present.

    Parameters
    ----------
    device
        "auto", "cpu", "cuda", "cuda:N" or "mps".

    Returns
    -------
    name : str
        As torch names it.
    notice : str or None
        A sentence for the user where "auto" had to leave out an accelerator.

    Raises
    ------
    InputError
        Unknown name, or a device that is not there.
    """
    present = available_devices()
    if device == "auto":
        return present[0], None
    name = "cuda:0" if device == "cuda" else device
    if name not in present:
        raise InputError(f"Device {device!r} is not there; present are {', '.join(present)} (or auto).")
    return name, None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch means that memory ran out."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


def release_memory(device: str) -> None:
    """Give memory that torch only keeps for reuse back to the device."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
