"""Tiles are spread evenly, fit into memory, and are measured once."""

import json
import time

import numpy as np

from napari_restoration.tasks import tile_choice
from napari_restoration.tasks.tile_choice import choose_tile

SMALL_RUN, LARGE_RUN = 10**5, 10**8


def test_small_runs_take_the_usual_tile_without_measuring(known_model):
    model = known_model(size_multiple=16, halo=16, receptive_field=16)
    assert choose_tile(model, (100, 300), 16, 1, SMALL_RUN) == (112, 304)
    assert choose_tile(model, (2048, 1000), 16, 1, SMALL_RUN) == (256, 256)
    assert choose_tile(model, (400, 520), 16, 1, SMALL_RUN) == (208, 272)
    assert model.batches == []


def test_cores_are_at_least_three_halos(known_model):
    model = known_model(halo=128, receptive_field=128)
    assert choose_tile(model, (4096, 4096), 128, 1, SMALL_RUN) == (376, 376)


def test_tiles_fit_into_half_of_the_free_memory(known_model, monkeypatch):
    model = known_model()
    monkeypatch.setattr(tile_choice, "free_memory_bytes", lambda: 2 * 4 * 210**2)
    assert max(choose_tile(model, (4096, 4096), 8, 1, SMALL_RUN)) <= 192 * 1.5


def test_a_large_run_is_measured_once_and_remembered(known_model, tmp_path, monkeypatch):
    store = tmp_path / "cache" / "tiles.json"
    monkeypatch.setattr(tile_choice, "_store", lambda: store)

    class Timed(known_model):
        def predict(self, batch):
            self.batches.append(batch.shape)
            side = batch.shape[-1]
            # Large windows cost more a pixel, as they do when activations leave the cache.
            time.sleep(side**2 * (1e-8 if side <= 208 else 2e-7))
            return batch

    model = Timed()
    chosen = choose_tile(model, (4096, 4096), 8, 1, LARGE_RUN)
    assert chosen == (196, 196)
    assert list(json.loads(store.read_text()).values()) == [192]
    measured = len(model.batches)
    assert measured > 2
    assert choose_tile(model, (4096, 4096), 8, 1, LARGE_RUN) == chosen
    assert len(model.batches) == measured
    store.write_text("{ damaged")
    assert np.prod(choose_tile(model, (4096, 4096), 8, 1, SMALL_RUN)) > 0
