"""Fine-tuning: training that starts from the weights of a model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.progress import Notice
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.export import export_run
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.run import TrainingRun

L1 = {"losses": {"l1": 1.0}}


def _recipe(tiny_recipe, **args: object) -> Recipe:
    return tiny_recipe(
        training=L1, arch_args={"base": 4, "depth": 1, "kernel": 3, "probabilistic": False, **args}
    )


@pytest.fixture
def model(images_dir: Path, tmp_path: Path, tiny_recipe) -> Path:
    """A model of two epochs, in the folder of its run."""
    for _ in TrainingRun.create(tmp_path / "base", _recipe(tiny_recipe), images_dir).epochs():
        pass
    export_run(tmp_path / "base", tmp_path / "base" / "model")
    return tmp_path / "base" / "model"


def _start(folder: Path, recipe: Recipe, images_dir: Path, model: Path | str) -> TrainingRun:
    return TrainingRun.create(folder, recipe, images_dir, start=model)


def test_the_same_architecture_takes_all_weights(
    model: Path, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    from napari_restoration.models.loader import load_model

    run = _start(
        tmp_path / "run",
        _recipe(
            tiny_recipe,
        ),
        images_dir,
        model,
    )
    given = load_model(model, "cpu").network.state_dict()
    for network in (run.core.restoring, run.core.averaged):
        assert [k for k, v in network.state_dict().items() if not torch.equal(v, given[k])] == []
    assert run.taken is not None
    assert run.taken.left_out == ()
    assert run.taken.count == len(given)
    assert run.taken.notices == ()


def test_other_channels_take_what_fits_and_say_what_does_not(
    model: Path, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    fresh = TrainingRun.create(tmp_path / "fresh", _recipe(tiny_recipe, probabilistic=True), images_dir)
    run = _start(tmp_path / "run", _recipe(tiny_recipe, probabilistic=True), images_dir, model)
    assert run.taken is not None
    assert 0 < len(run.taken.left_out) <= 2
    for name, value in run.core.restoring.state_dict().items():
        is_fresh = torch.equal(value, fresh.core.restoring.state_dict()[name])
        assert is_fresh == (name in run.taken.left_out), name
    said = [report.message for report in run.epochs() if isinstance(report, Notice)]
    assert any("Random at first are" in words and run.taken.left_out[0] in words for words in said)


def test_another_architecture_is_refused_and_nothing_is_started(
    model: Path, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(training=L1, arch="c2f", arch_args={"base": 4, "depth": 2, "levels": 2})
    with pytest.raises(InputError, match="architecture 'care' and the recipe of 'c2f'"):
        _start(tmp_path / "run", recipe, images_dir, model)
    with pytest.raises(InputError, match="has no weights"):
        _start(tmp_path / "run", recipe, images_dir, "classical-bicubic-x2")
    with pytest.raises(ModelError, match="unknown"):
        _start(tmp_path / "run", recipe, images_dir, "absent")
    assert not (tmp_path / "run").exists()


def test_a_network_of_which_nothing_fits_is_refused(
    model: Path, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    with pytest.raises(InputError, match="No weights of 'tiny' fit"):
        _start(tmp_path / "run", _recipe(tiny_recipe, base=6, kernel=5), images_dir, model)


def test_a_fine_tuning_resumes_to_the_same_bits_even_before_its_first_checkpoint(
    model: Path, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    for _ in _start(tmp_path / "unbroken", _recipe(tiny_recipe), images_dir, model).epochs():
        pass
    _start(tmp_path / "killed", _recipe(tiny_recipe), images_dir, model)  # nothing but the settings are there
    for _ in TrainingRun.resume(tmp_path / "killed").epochs():
        pass
    first, second = (read_checkpoint(tmp_path / name).tensors for name in ("unbroken", "killed"))
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_a_fine_tuning_that_diverges_at_once_goes_back_to_the_model(
    model: Path, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    run = _start(tmp_path / "run", _recipe(tiny_recipe), images_dir, model)
    before = {k: v.clone() for k, v in run.core.restoring.state_dict().items()}
    with torch.no_grad():
        for weight in run.core.restoring.parameters():
            weight.fill_(float("nan"))
    run.core.return_to(None)
    assert [k for k, v in run.core.restoring.state_dict().items() if not torch.equal(v, before[k])] == []


def test_the_card_tells_what_the_model_was_made_from(
    model: Path, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    for _ in _start(tmp_path / "run", _recipe(tiny_recipe), images_dir, model).epochs():
        pass
    card = export_run(tmp_path / "run", tmp_path / "tuned")
    assert card.training["started_from"]["id"] == "tiny"
    assert (card.low_percentile, card.high_percentile, card.normalizer) == (2.0, 99.8, "percentile")
    assert len(card.trained_on) > 2
