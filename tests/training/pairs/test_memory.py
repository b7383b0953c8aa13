import os
import threading

import numpy as np
import psutil
import pytest
import tifffile

from napari_restoration.training.pairs.find import find_pairs
from napari_restoration.training.pairs.lazy import pair_sources
from napari_restoration.training.recipe_data import PairSettings

PLANES, SIDE = 64, 2048
"""One stack of 64 planes of 2048 x 2048 uint16 holds 0.5 GiB."""


def anonymous_bytes():
    info = psutil.Process(os.getpid()).memory_full_info()
    return info.rss - info.shared


@pytest.fixture(params=["plain", "zlib"])
def large(request, tmp_path):
    """Two pairs of 0.5 GiB images: 2 GiB of pixels."""
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 4000, (128, 128), dtype=np.uint16)
    plane = np.tile(tile, (SIDE // 128, SIDE // 128))
    for side in ("input", "target"):
        (tmp_path / side).mkdir()
        for name in "ab":
            with tifffile.TiffWriter(tmp_path / side / f"{name}.tif", bigtiff=True) as file:
                options = {"compression": "zlib"} if request.param == "zlib" else {}
                file.write(
                    (np.roll(plane, n, 0) for n in range(PLANES)), shape=(PLANES, SIDE, SIDE), dtype=np.uint16,
                    metadata={"axes": "ZYX"}, photometric="minisblack", **options,
                )  # fmt: skip
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(not psutil.LINUX, reason="mapped files are told apart on Linux only")
def test_patches_of_two_gigabytes_of_pairs_take_a_few_planes_of_memory(large):
    sources = pair_sources(find_pairs(large).pairs, PairSettings(match="*"))
    rng = np.random.default_rng(1)
    assert len(sources) == 2 * PLANES
    sources[0].input[0:128, 0:128]
    before, most = anonymous_bytes(), 0
    done = threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.005):
            most = max(most, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(300):
        source = sources[int(rng.integers(len(sources)))]
        y, x = rng.integers(0, SIDE - 128, 2).tolist()
        given = source.input[y : y + 128, x : x + 128]
        np.testing.assert_array_equal(given, source.target[y : y + 128, x : x + 128])
    done.set()
    watcher.join()

    grown = (most - before) / 2**20
    # One decoded plane of 8 MiB for each of four open files is kept, and one is being decoded.
    assert grown < 80, f"anonymous memory grew by {grown:.0f} MiB over 2048 MiB of pixels"
