"""How much memory there is, and how much was used."""

from __future__ import annotations

import sys

import psutil


def free_memory_bytes() -> int:
    """Memory that can be taken without swapping."""
    return int(psutil.virtual_memory().available)


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MiB; the present size where the system keeps no peak."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)
