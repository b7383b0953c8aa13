"""The choice of task and model."""

import json

from napari_restoration.gui._model_picker import TASKS, ModelPicker
from napari_restoration.models import registry


def test_every_task_is_offered_with_its_models_and_their_descriptions(qtbot, tiny_models):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    for task in TASKS:
        picker.choose(task, f"tiny-{task}")
        assert picker.task == task
        assert picker.card.id == f"tiny-{task}"
        assert picker.description.text() == f"Tiny {task} model for tests."
        assert f"tiny-{task}" in picker.model_combo.toolTip()
        assert "nothing" in picker.model_combo.toolTip()  # what it was trained on


def test_methods_without_a_network_stand_below_a_title_that_cannot_be_chosen(qtbot, tiny_models):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    for task in TASKS:
        picker.choose(task)
        assert not picker.card.id.startswith("classical-")
        combo = picker.model_combo
        at = combo.findText("Without a network")
        assert at > 1
        assert not combo.model().item(at).isEnabled()
        combo.setCurrentIndex(at - 2)
        assert not picker.card.id.startswith("classical-")
        for index in range(at + 1, combo.count()):
            combo.setCurrentIndex(index)
            assert picker.card.id.startswith("classical-")
            assert "without a network" in combo.toolTip()
    picker.choose("denoise", "classical-median")
    again = ModelPicker()
    qtbot.addWidget(again)
    again.restore(picker.choices())
    assert again.card.title == "Median filter"


def test_the_model_last_used_for_a_task_comes_back_with_it(qtbot, tiny_models):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    picker.choose("denoise", "tiny-denoise")
    picker.choose("refocus")
    picker.choose("denoise")
    assert picker.card.id == "tiny-denoise"
    again = ModelPicker()
    qtbot.addWidget(again)
    again.restore(picker.choices())
    assert again.card.id == "tiny-denoise"


def test_a_model_that_is_gone_and_a_task_that_is_unknown_leave_the_default(qtbot, tiny_models):
    picker = ModelPicker()
    qtbot.addWidget(picker)
    picker.choose("denoise", "no-such-model")
    assert picker.card.id == registry.default_model("denoise")
    picker.choose("paint")
    assert picker.task == "denoise"


def test_without_networks_classical_methods_are_left_and_without_cards_it_says_so(
    qtbot, monkeypatch, tmp_path
):
    empty = tmp_path / "cards.json"
    empty.write_text(json.dumps({"version": 1, "models": []}), encoding="utf-8")
    monkeypatch.setattr(registry, "SHIPPED_CARDS", empty)
    picker = ModelPicker()
    qtbot.addWidget(picker)
    assert picker.card.id == "classical-frame-mean"
    empty.write_text("{", encoding="utf-8")
    picker.refresh()
    assert "cards.json" in picker.problem
    assert picker.card is None
    assert picker.description.text() == "There is no model for Deblur yet."
