"""Memory figures are of this process."""

import subprocess
import sys

import numpy as np

from napari_restoration.core.memory import free_memory_bytes, peak_memory_mb


def test_the_peak_grows_with_what_is_touched_and_leaves_out_the_parent():
    block = np.ones(60 * 2**20, np.uint8)
    assert peak_memory_mb() > 60
    code = "from napari_restoration.core.memory import peak_memory_mb; print(peak_memory_mb())"
    child = float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    assert 5 < child < peak_memory_mb()
    assert block.nbytes < free_memory_bytes()
