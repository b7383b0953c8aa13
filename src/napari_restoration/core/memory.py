"""How much memory there is, and how much was used."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil


def free_memory_bytes() -> int:
    """Memory that can be taken without swapping."""
    return int(psutil.virtual_memory().available)


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MiB; the present size where the system keeps no peak."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 2**20
    if sys.platform == "linux":
        # What `getrusage` tells begins with the size of the process that started this one.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 2**10
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts in bytes, others in KiB.
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)
