from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage


def texture(shape=(96, 112), seed=0, sigma=1.5):
    """A random image in 100..1100, smooth over about sigma pixels."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma, mode="wrap")
    return (100 + 1000 * (noise - noise.min()) / np.ptp(noise)).astype(np.float32)


def noisy(image, seed=1, sd=40.0):
    return (image + np.random.default_rng(seed).normal(0, sd, image.shape)).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    """Write a TIFF below the test's folder."""

    def write(name: str, data, **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, data, **options)
        return path

    return write
