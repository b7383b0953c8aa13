"""Tiles are spread evenly, fit into memory, and are measured once."""

import json

import numpy as np

from napari_restoration.tasks import tile_choice
from napari_restoration.tasks.tile_choice import choose_tile, whole_image_notice

SMALL_RUN, LARGE_RUN = 10**5, 10**8


class Clock:
    """Time that passes only when a model says so, so that a busy machine changes nothing."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(tile_choice.time, "perf_counter", lambda: self.now)


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
    for side in (100, 203, 383, 500, 700, 4096):
        tile = choose_tile(model, (side, side), 8, 1, SMALL_RUN)
        assert model.estimate_bytes((1, 1, *(min(one + 16, side) for one in tile))) <= 4 * 210**2
    assert min(tile) > 128


def test_tiles_shrink_below_the_usual_ones_where_memory_is_short(known_model, monkeypatch):
    monkeypatch.setattr(tile_choice, "free_memory_bytes", lambda: 2 * 4 * 80**2)
    assert choose_tile(known_model(), (1000, 1000), 8, 1, SMALL_RUN) == (64, 64)
    monkeypatch.setattr(tile_choice, "free_memory_bytes", lambda: 0)
    assert choose_tile(known_model(), (1000, 1000), 8, 1, SMALL_RUN) == (32, 32)


def test_a_thin_volume_counts_as_thin(known_model, monkeypatch):
    monkeypatch.setattr(tile_choice, "free_memory_bytes", lambda: 2 * 4 * 20 * 150**2)
    assert choose_tile(known_model(ndim=3), (20, 512, 512), 8, 1, SMALL_RUN) == (20, 128, 128)


def test_a_slow_network_is_run_once_to_be_measured(known_model, tmp_path, monkeypatch):
    monkeypatch.setattr(tile_choice, "_store", lambda: tmp_path / "tiles.json")
    clock = Clock(monkeypatch)

    class Slow(known_model):
        def predict(self, batch):
            clock.now += 10.0
            return super().predict(batch)

    model = Slow()
    assert choose_tile(model, (4096, 4096), 8, 1, LARGE_RUN) == (256, 256)
    assert len(model.batches) == 1


def test_a_cache_that_cannot_be_written_costs_only_time(known_model, tmp_path, monkeypatch):
    monkeypatch.setattr(tile_choice, "_store", lambda: tmp_path / "tiles.json")
    (tmp_path / "tiles.json").mkdir()
    assert choose_tile(known_model(), (4096, 4096), 8, 1, LARGE_RUN)[0] > 0


def test_a_large_run_is_measured_once_and_remembered(known_model, tmp_path, monkeypatch):
    store = tmp_path / "cache" / "tiles.json"
    monkeypatch.setattr(tile_choice, "_store", lambda: store)
    clock = Clock(monkeypatch)

    class Timed(known_model):
        def predict(self, batch):
            self.batches.append(batch.shape)
            side = batch.shape[-1]
            # Large windows cost more a pixel, as they do when activations leave the cache.
            clock.now += side**2 * (1e-8 if side <= 208 else 2e-7)
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


def whole_image_model(known_model, **fields):
    return known_model(**({"whole_image": True, "halo": 96, "receptive_field": 87} | fields))


def test_networks_of_whole_images_get_them_where_memory_allows(known_model):
    model = whole_image_model(known_model)
    assert choose_tile(model, (1001, 3000), 96, 1, LARGE_RUN) == (1004, 3000)
    assert model.batches == []


def test_where_it_does_not_they_see_about_as_much_as_in_training(known_model, monkeypatch):
    monkeypatch.setattr(tile_choice, "free_memory_bytes", lambda: 2 * 4 * 600**2)
    # 320 pixels are kept of 512; a smaller training size leaves no less than the overlap.
    assert choose_tile(whole_image_model(known_model), (3200, 3200), 96, 1, SMALL_RUN) == (320, 320)
    small = whole_image_model(known_model, training_size=128)
    assert choose_tile(small, (960, 960), 96, 1, SMALL_RUN) == (96, 96)


def test_tiles_of_such_networks_shrink_further_where_memory_is_short(known_model, monkeypatch):
    monkeypatch.setattr(tile_choice, "free_memory_bytes", lambda: 2 * 4 * 360**2)
    assert choose_tile(whole_image_model(known_model), (3200, 3200), 96, 1, SMALL_RUN) == (160, 160)


def test_tiles_instead_of_a_whole_image_are_told_of(known_model):
    card = whole_image_model(known_model).card
    assert "tiles of 64 x 64 pixels with 96 around" in whole_image_notice(card, (64, 64), (100, 100))
    assert whole_image_notice(card, (104, 64), (100, 60)) == ""
    assert whole_image_notice(known_model().card, (64, 64), (100, 100)) == ""
