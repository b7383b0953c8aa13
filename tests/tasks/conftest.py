"""Models whose right answer is known, so that the engine around them can be judged exactly."""

import numpy as np
import pytest

from napari_restoration.core.errors import TileTooLarge
from napari_restoration.models.card import ModelCard


class KnownModel:
    """Has the interface of a loaded model; predicts by a plain function of the batch.

    Single images pass unchanged, bursts are averaged over their frames, and both are enlarged by repetition.
    """

    def __init__(self, *, largest_window=None, laplace_scale=False, **card):
        fields = {
            "id": "known",
            "title": "Known",
            "description": "Known answer.",
            "task": "denoise",
            "arch": "care",
        }
        fields |= {
            "arch_args": {},
            "weights_file": "none.safetensors",
            "weights_sha256": "0" * 64,
            "weights_bytes": 1,
        }
        fields |= {"halo": 8, "receptive_field": 8, "size_multiple": 4, "laplace_scale": laplace_scale}
        self.card = ModelCard(**(fields | card))
        self.device = "cpu"
        self.precision = "fp32"
        self.notices = []
        self.batches = []
        self.largest_window = largest_window

    def predict(self, batch):
        self.batches.append(batch.shape)
        assert np.isfinite(batch).all()
        assert all(side % self.card.size_multiple == 0 for side in batch.shape[-2:])
        if self.largest_window is not None and max(batch.shape[-2:]) > self.largest_window:
            raise TileTooLarge("full")
        if self.card.frames is not None:
            batch = batch.mean(1)
        for axis in range(2, batch.ndim):
            batch = np.repeat(batch, self.card.scale, axis=axis)
        return np.concatenate([batch, np.ones_like(batch)], 1) if self.card.laplace_scale else batch

    def estimate_bytes(self, window):
        return 4 * int(np.prod(window))

    def fall_back_to_cpu(self):
        return False


@pytest.fixture
def known_model():
    return KnownModel
