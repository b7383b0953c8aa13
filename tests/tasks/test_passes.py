"""A network applied to its own result."""

import numpy as np
import pytest
import torch
from tests.models.tiny_models import shaken_network, tiny_card

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.normalize import measure
from napari_restoration.core.progress import TileDone, run
from napari_restoration.core.provenance import Provenance
from napari_restoration.models.loader import RestorationModel
from napari_restoration.tasks.passes import PassTile
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.settings import RestoreSettings

CARE = {"base": 4, "depth": 1, "kernel": 3}


def network(arch="care", args=CARE, **card):
    torch.manual_seed(3)
    return RestorationModel(tiny_card(arch, args=args, **card), shaken_network(arch, args, seed=3))


def noise(*shape):
    return np.random.default_rng(0).gamma(2.0, 100.0, shape).astype(np.float32)


def by_hand(model, plane, passes):
    """Each pass over the whole plane, normalised by the percentiles of what it is shown."""
    card, shown = model.card, plane
    for _ in range(passes):
        one = measure(lambda shown=shown: [shown], card.low_percentile, card.high_percentile)
        shown = one.undo(model.predict(one.normalize(shown)[None, None])[0, 0]).astype(np.float32)
    return shown


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_passes_are_the_network_on_its_own_result_normalised_anew(passes):
    model, plane = network(), noise(101, 90)  # no multiple of the network's size
    restored = restore(CalibratedImage(plane, "YX"), model, passes=passes).image.data
    expected = by_hand(model, plane, passes)
    assert np.abs(restored - expected).max() < 1e-4 * np.ptp(expected)


def test_tiles_give_what_the_whole_plane_gives():
    model, image = network(), CalibratedImage(noise(150, 131), "YX")
    tiled, whole = (restore(image, model, passes=3, tile=tile) for tile in (24, 160))
    assert (tiled.report["tiles"], whole.report["tiles"]) == (42, 1)
    assert np.abs(tiled.image.data - whole.image.data).max() < 1e-5 * np.ptp(whole.image.data)


def test_volumes_and_channels_are_applied_again_as_well():
    args = {**CARE, "ndim": 3}
    model = RestorationModel(tiny_card("care", args=args), shaken_network("care", args))
    image = CalibratedImage(noise(2, 8, 24, 28), "CZYX")
    tiled, whole = (restore(image, model, passes=2, tile=tile).image.data for tile in (8, 32))
    assert np.abs(tiled - whole).max() < 1e-5 * np.ptp(whole)
    assert not np.allclose(whole, restore(image, model).image.data, atol=1e-2 * np.ptp(whole))


def test_a_preview_equals_that_region_and_restores_no_more_than_it_needs():
    image = CalibratedImage(noise(2, 500, 480), "TYX")
    restoration = run(prepare(image, network(), RestoreSettings(tile=32, passes=3)))
    reports = []
    preview = run(restoration.iter_preview({"T": 1}, (slice(200, 230), slice(100, 140))), reports.append)
    whole = run(restoration.iter_run()).image.data
    np.testing.assert_array_equal(preview.values, whole[1, 200:230, 100:140])
    assert sum(isinstance(report, PassTile) for report in reports) < 100  # of 2 x 240
    assert {report.message.split(",")[0] for report in reports if isinstance(report, PassTile)} == {
        "Pass 1 of 3",
        "Pass 2 of 3",
    }


def test_a_preview_equals_the_result_when_memory_runs_short_in_an_earlier_pass(known_model):
    image = CalibratedImage(noise(600, 580), "YX")
    model = known_model()
    plain = model.predict
    # Looks further than its halo, so that a result tells which windows it was made from.
    model.predict = lambda batch: plain(batch) + 0.1 * batch.mean()
    restoration = run(prepare(image, model, RestoreSettings(passes=2)))
    planned = restoration.tile
    model.largest_window = 200
    preview = run(restoration.iter_preview({}, (slice(140, 160), slice(140, 160))))
    assert max(restoration.tile) < min(planned)
    whole = run(restoration.iter_run()).image.data
    np.testing.assert_array_equal(preview.values, whole[140:160, 140:160])


def test_only_the_last_pass_reports_finished_tiles_and_missing_pixels_stay_missing(known_model):
    data = noise(64, 96)
    data[10, 20] = np.nan
    reports = []
    model = known_model(laplace_scale=True)  # its scales are left out between passes
    result = restore(CalibratedImage(data, "YX"), model, passes=2, tile=32, on_progress=reports.append)
    np.testing.assert_allclose(result.image.data, data, atol=1e-3)
    assert [report.done for report in reports if isinstance(report, TileDone)] == [1, 2, 3, 4, 5, 6]
    assert sum(isinstance(report, PassTile) for report in reports) == 6


def test_a_plane_without_contrast_stays_as_it_is(known_model):
    flat = np.full((20, 20), 7, np.uint16)
    assert (restore(CalibratedImage(flat, "YX"), known_model(), passes=3).image.data == 7).all()


def test_the_record_holds_the_passes_and_how_each_was_normalised():
    plane = noise(60, 64)
    model = network()
    record = Provenance.from_json(restore(CalibratedImage(plane, "YX"), model, passes=2).provenance.to_json())
    assert record.settings["passes"] == 2
    assert record.settings["adapt"] is False
    first, second = record.normalization
    once = by_hand(model, plane, 1)
    card = model.card
    expected = measure(lambda: [once], card.low_percentile, card.high_percentile)
    assert "pass" not in first
    assert second["pass"] == 2
    assert (second["low"], second["high"]) == pytest.approx((expected.low, expected.high), rel=1e-4)


def test_a_result_without_contrast_keeps_the_normalisation_of_its_input(known_model):
    model = known_model()
    model.predict = lambda batch: np.zeros_like(batch)
    result = restore(CalibratedImage(noise(40, 40), "YX"), model, passes=2)
    first, second = result.provenance.normalization
    assert (first["low"], first["high"]) == (second["low"], second["high"])
    assert np.ptp(result.image.data) == 0


@pytest.mark.parametrize("passes", [0, 4, 1.5, "2"])
def test_passes_out_of_range_are_refused(passes):
    with pytest.raises(InputError, match="from 1 to 3"):
        RestoreSettings(passes=passes)


@pytest.mark.parametrize(
    ("card", "axes", "why"),
    [
        ({"frames": 5, "task": "deblur"}, "TYX", "several frames"),
        ({"scale": 2, "task": "superres"}, "TYX", "enlarges"),
        ({"in_channels": 3}, "CYX", "makes 1 channels of 3"),
    ],
)
def test_models_that_are_not_made_for_their_own_result_refuse(known_model, card, axes, why):
    model = known_model(**card)
    with pytest.raises(InputError, match=f"{why}.*: leave passes at 1"):
        restore(CalibratedImage(noise(3, 16, 16), axes), model, passes=2)
    assert model.batches == []


def test_classical_methods_refuse():
    with pytest.raises(InputError, match="is no network: change its parameters"):
        restore(CalibratedImage(noise(16, 16), "YX"), "classical-median", passes=2)


def test_scales_are_carried_from_pass_to_pass_in_the_images_own_units():
    offset = restore(CalibratedImage(noise(60, 64) + 1e6, "YX"), network(), passes=2).image.data
    plain = restore(CalibratedImage(noise(60, 64), "YX"), network(), passes=2).image.data
    assert np.abs(offset - 1e6 - plain).max() < 1e-3 * np.ptp(plain)
