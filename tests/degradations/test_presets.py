"""Presets as data: those that are shipped, what a file may say, levels, and the user's own."""

import dataclasses
import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.degradations.optics import OpticalBlur
from napari_restoration.degradations.preset_store import (
    delete_preset,
    find_preset,
    is_shipped,
    list_presets,
    preset_text,
    read_preset,
    save_preset,
    user_presets_folder,
)
from napari_restoration.degradations.presets import LEVELS, Preset
from napari_restoration.degradations.varied import Range

SHIPPED = [preset.id for preset in list_presets()]
GOOD = {
    "id": "mine",
    "title": "Mine",
    "task": "denoise",
    "steps": [
        {"kind": "to_photons", "peak_photons": 40, "ranges": {"peak_photons": [20, 80]}},
        {"kind": "binning", "factor": 2},
        {"kind": "gaussian_blur", "sigma_px": 1.5},
        {"kind": "gaussian_blur", "sigma_px": 2.5, "enabled": False},
    ],
    "levels": {"hard": {"to_photons.peak_photons": [5, 10], "gaussian_blur#2.sigma_px": 4.0}},
}


@pytest.fixture
def preset():
    return Preset.from_dict(GOOD)


def test_there_is_a_preset_for_each_restoration():
    assert {preset.task for preset in list_presets()} == {"deblur", "refocus", "superres", "denoise"}
    assert len(set(SHIPPED)) == len(SHIPPED) >= 6


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_survives_its_file_and_has_all_levels(name, tmp_path):
    preset = find_preset(name)
    assert tuple(preset.levels) == LEVELS
    path = tmp_path / "copy.json"
    path.write_text(preset_text(preset), encoding="utf-8")
    assert find_preset(path) == preset
    assert preset.description.endswith(".")
    assert preset.task in ("deblur", "refocus", "superres", "denoise")


@pytest.mark.parametrize("name", SHIPPED)
def test_levels_of_a_shipped_preset_draw_from_different_ranges(name):
    preset = find_preset(name)
    assert len({str(preset.at_level(level).to_dict()["steps"]) for level in LEVELS}) == 3


@pytest.mark.parametrize("name", SHIPPED)
def test_whatever_a_shipped_preset_draws_is_allowed(name):
    for level in LEVELS:
        model = find_preset(name).at_level(level).forward_model(varied=True)
        for seed in range(10):
            model.draw(np.random.default_rng(seed))


def test_a_value_drawn_lies_in_its_range_and_undrawn_ones_are_the_steps_own(preset):
    varied = preset.forward_model(varied=True)
    drawn = [varied.draw(np.random.default_rng(seed)).steps[0].peak_photons for seed in range(40)]
    assert min(drawn) >= 20
    assert max(drawn) <= 80
    assert len(set(drawn)) == 40
    assert preset.forward_model().steps[0].peak_photons == 40


def test_photons_are_drawn_evenly_over_decades():
    spread = Range(low=1.0, high=10_000.0, spacing="log")
    drawn = [spread.draw(np.random.default_rng(seed)) for seed in range(400)]
    assert 0.4 < np.mean(np.array(drawn) < 100) < 0.6


def test_a_step_that_is_off_is_kept_but_has_no_effect(preset):
    kinds = [step.kind for step in preset.forward_model().steps]
    assert kinds == ["to_photons", "gaussian_blur", "binning"]
    assert len(preset.to_dict()["steps"]) == 4
    on = preset.with_settings({"gaussian_blur#2.enabled": True, "gaussian_blur.enabled": False})
    assert [step.sigma_px for step in on.forward_model().steps if step.kind == "gaussian_blur"] == [2.5]


def test_the_paper_s_order_puts_exposure_behind_the_noise_and_a_list_stays_as_it_is():
    steps = [{"kind": "camera"}, {"kind": "exposure"}, {"kind": "to_photons"}]
    orders = {
        order: [
            step.kind
            for step in Preset.from_dict({**GOOD, "steps": steps, "levels": {}, "order": order})
            .forward_model()
            .steps
        ]
        for order in ("light_path", "paper", "as_listed")
    }
    assert orders == {
        "light_path": ["to_photons", "exposure", "camera"],
        "paper": ["to_photons", "camera", "exposure"],
        "as_listed": ["camera", "exposure", "to_photons"],
    }


def test_a_level_replaces_values_and_ranges_and_is_then_spent(preset):
    hard = preset.at_level("hard")
    assert hard.steps[0].ranges["peak_photons"] == Range(low=5, high=10, spacing="log")
    assert hard.steps[0].step.peak_photons == pytest.approx(50**0.5)
    assert hard.steps[3].step.sigma_px == 4.0
    assert hard.levels == {}
    with pytest.raises(InputError, match="no level 'easy'; it has: hard"):
        preset.at_level("easy")


def test_what_comes_from_the_image_is_no_part_of_a_preset():
    blur = {"kind": "optical_blur", "na": 0.5}
    values = {**GOOD, "steps": [{**blur, "pixel_size_um": 7.0, "z_step_um": 1.0}], "levels": {}}
    with_sizes = Preset.from_dict(values)
    assert not {"pixel_size_um", "z_step_um"} & with_sizes.to_dict()["steps"][0].keys()
    for change in (
        {"levels": {"hard": {"optical_blur.pixel_size_um": 0.1}}},
        {"steps": [{**blur, "ranges": {"pixel_size_um": [0.1, 0.2]}}]},
    ):
        with pytest.raises(InputError, match="comes from the image"):
            Preset.from_dict({**values, **change})


def test_a_value_takes_the_place_of_a_range(preset):
    fixed = preset.with_settings({"to_photons.peak_photons": 7.0})
    assert fixed.steps[0].ranges == {}
    assert fixed.steps[0].step.peak_photons == 7.0
    assert preset.steps[0].ranges


def test_settings_of_one_step_count_together():
    dry = Preset(id="dry", title="Dry", steps=find_preset("widefield-20x").steps)
    oil = dry.with_settings({"optical_blur.na": 1.3, "optical_blur.index": 1.518})
    assert oil.steps[2].step == OpticalBlur(
        na=1.3, index=1.518, wavelength_um=0.58, defocus_um=8.0, integrate=False
    )
    with pytest.raises(InputError, match="below the refractive index"):
        dry.with_settings({"optical_blur.na": 1.3})


def test_whole_numbers_may_be_written_with_a_point_and_are_drawn_whole():
    entry = {
        "kind": "motion_blur",
        "frames": 5.0,
        "ranges": {"frames": {"low": 2, "high": 4, "spacing": "linear"}},
    }
    preset = Preset.from_dict({**GOOD, "steps": [entry], "levels": {}})
    assert preset.steps[0].step.frames == 5
    assert isinstance(preset.steps[0].step.frames, int)
    varied = preset.forward_model(varied=True)
    assert {varied.draw(np.random.default_rng(seed)).steps[0].frames for seed in range(30)} == {2, 3, 4}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"title": 5}, "title"),
        ({"description": ["a"]}, "description"),
        ({"task": "paint"}, "paint"),
        ({"order": "random"}, "random"),
        ({"order": []}, "order"),
        ({"colour": "red"}, "colour"),
        ({"steps": {}}, "list"),
        ({"steps": [5]}, "5"),
        ({"steps": [{"kind": "sharpen"}]}, "sharpen.*camera"),
        ({"steps": [{"kind": "camera", "iso": 100}]}, "iso.*bits"),
        ({"steps": [{"kind": "camera", "bits": "16"}]}, "Bit depth"),
        ({"steps": [{"kind": "camera", "shot_noise": 1}]}, "Shot noise"),
        ({"steps": [{"kind": "camera", "enabled": "no"}]}, "enabled"),
        ({"steps": [{"kind": "camera", "ranges": []}]}, "ranges"),
        ({"steps": [{"kind": "camera", "ranges": {"iso": [1, 2]}}]}, "iso.*bits"),
        ({"steps": [{"kind": "camera", "ranges": {"offset_adu": 5}}]}, "offset_adu"),
        ({"steps": [{"kind": "camera", "ranges": {"offset_adu": [1, 2, 3]}}]}, "offset_adu"),
        ({"steps": [{"kind": "camera", "ranges": {"offset_adu": ["a", "b"]}}]}, "offset_adu"),
        ({"steps": [{"kind": "camera", "ranges": {"offset_adu": [5, 1]}}]}, "lower limit first"),
        ({"steps": [{"kind": "camera", "ranges": {"bits": [1, 99]}}]}, "between 1 and 32"),
        ({"steps": [{"kind": "binning", "ranges": {"factor": {"low": 1.5, "high": 3, "spacing": "linear"}}}]}, "whole"),
        ({"steps": [{"kind": "binning", "ranges": {"mode": [1, 2]}}]}, "no number"),
        ({"steps": [{"kind": "camera", "ranges": {"shot_noise": [0, 1]}}]}, "no number"),
        ({"levels": 5}, "levels"),
        ({"levels": {"hard": 5}}, "levels"),
        ({"levels": {"hard": {"jpeg.quality": 5}}}, "jpeg.*to_photons"),
        ({"levels": {"hard": {"to_photons.peak_photons": "many"}}}, "Peak"),
        ({"channel_wavelengths_um": 5}, "list"),
        ({"channel_wavelengths_um": ["red"]}, "red"),
        ({"channel_wavelengths_um": [610, 530, 450]}, "610.*nanometres"),
    ],
)  # fmt: skip
def test_a_file_that_says_something_wrong_is_refused_by_name(change, named, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"version": 1, "preset": {**deepcopy(GOOD), **change}}), encoding="utf-8")
    with pytest.raises(InputError, match=named) as refusal:
        read_preset(path)
    assert "bad.json" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "'preset'"),
        ('{"version": 1}', "'preset'"),
        ('{"version": 2, "preset": {}}', "version 2"),
        ('{"version": "1", "preset": {}}', "version '1'"),
        ('{"version": 0, "preset": {}}', "version 0"),
        ('{"preset": []}', "list"),
        ('{"preset": {"id": "a"}}', "title"),
    ],
)
def test_a_file_that_is_no_preset_is_refused_by_name(text, named, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=named) as refusal:
        read_preset(path)
    assert "bad.json" in str(refusal.value)


def test_a_file_that_is_missing_or_no_text_is_refused_by_name(tmp_path):
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.json", "bytes.json"):
        with pytest.raises(InputError, match=name):
            find_preset(tmp_path / name)


def test_an_unknown_name_is_answered_with_the_names_there_are():
    with pytest.raises(InputError, match=r"'widefield-21x'; there are widefield-20x, .*semi-synthetic"):
        find_preset("widefield-21x")


def test_the_user_s_presets_are_kept_beside_the_shipped_ones(preset):
    assert not user_presets_folder().exists()
    save_preset(preset)
    assert find_preset("mine") == preset
    assert [one.id for one in list_presets()] == [*SHIPPED, "mine"]
    assert not is_shipped("mine")
    with pytest.raises(OutputError, match=r"mine\.json"):
        save_preset(preset)
    changed = preset.with_settings({"binning.factor": 4})
    save_preset(changed, overwrite=True)
    assert find_preset("mine") == changed
    delete_preset("mine")
    assert [one.id for one in list_presets()] == SHIPPED


def test_shipped_presets_are_neither_replaced_nor_removed(preset):
    taken = Preset.from_dict({**GOOD, "id": SHIPPED[0]})
    with pytest.raises(InputError, match="choose another"):
        save_preset(taken, overwrite=True)
    for name in (SHIPPED[0], "absent"):
        with pytest.raises(InputError, match="none of your own"):
            delete_preset(name)


def test_a_damaged_file_among_the_user_s_presets_hides_only_itself_and_is_told(preset, caplog):
    save_preset(preset)
    (user_presets_folder() / "damaged.json").write_text("{", encoding="utf-8")
    assert [one.id for one in list_presets()] == [*SHIPPED, "mine"]
    assert "damaged.json is no preset" in caplog.text


def test_a_file_put_among_the_user_s_presets_goes_by_its_name_and_hides_no_shipped_one(preset):
    save_preset(preset)
    folder = user_presets_folder()
    for name in ("copied", SHIPPED[0]):
        text = preset_text(dataclasses.replace(preset, id=SHIPPED[0]))
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    assert [one.id for one in list_presets()] == [*SHIPPED, "copied", "mine"]
    assert find_preset("copied").steps == preset.steps
    delete_preset("copied")
    assert [one.id for one in list_presets()] == [*SHIPPED, "mine"]


@pytest.mark.parametrize("name", ["../../escape", "a/b", "C:\\x", "nul", "ü x"])
def test_a_name_never_leaves_the_folder(name, preset):
    path = save_preset(Preset.from_dict({**GOOD, "id": name}))
    assert path.parent == user_presets_folder()
    assert find_preset(name).id == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    ("id",), ("title",), ("task",), ("order",), ("steps",), ("levels",), ("channel_wavelengths_um",),
    ("steps", 0), ("steps", 0, "kind"), ("steps", 0, "ranges"), ("steps", 0, "peak_photons"),
    ("steps", 0, "ranges", "peak_photons"), ("steps", 1, "factor"), ("steps", 1, "enabled"),
    ("levels", "hard"), ("levels", "hard", "to_photons.peak_photons"),
]  # fmt: skip


@given(place=st.sampled_from(PLACES), value=JSON)
def test_a_preset_with_anything_anywhere_is_read_or_refused(place, value, tmp_path_factory):
    values = deepcopy(GOOD)
    inside = values
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    path: Path = tmp_path_factory.getbasetemp() / "anything.json"
    path.write_text(json.dumps({"version": 1, "preset": values}), encoding="utf-8")
    try:
        preset = read_preset(path)
    except InputError:
        return
    assert Preset.from_dict(json.loads(preset_text(preset))["preset"]) == preset
