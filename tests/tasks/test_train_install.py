"""Trained models among the user's, and names that they cannot have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.models.registry import find_card, list_models, user_models_folder
from napari_restoration.models.store import save_model_folder
from napari_restoration.tasks.train_install import check_id, install_model


def _model(folder: Path, model: str, seed: int = 0) -> Path:
    import torch

    from napari_restoration.models.archs import build, geometry
    from napari_restoration.models.card import ModelCard

    settings = {"base": 2, "depth": 1, "kernel": 3, "probabilistic": False}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build("care", **settings)
    shape = geometry("care", **settings)
    card = ModelCard(
        id=model, title="Mine", description="A tiny network.", task="denoise", arch="care", arch_args=settings,
        size_multiple=shape.size_multiple, halo=shape.receptive_field, receptive_field=shape.receptive_field,
    )  # fmt: skip
    save_model_folder(folder, card, {name: tensor.numpy() for name, tensor in network.state_dict().items()})
    return folder


def test_an_installed_model_is_found_by_its_name_and_is_whole(tmp_path: Path) -> None:
    from napari_restoration.models.loader import load_model

    folder, card, notice = install_model(_model(tmp_path / "model", "mine"))
    assert folder == user_models_folder() / "mine"
    assert notice == ""
    assert "mine" in list_models("denoise")
    assert load_model("mine", device="cpu").card == card


def test_another_model_of_a_taken_name_gets_a_number_and_the_first_stays(tmp_path: Path) -> None:
    first = install_model(_model(tmp_path / "one", "Mine"))[1]
    folder, card, notice = install_model(_model(tmp_path / "two", "mine", seed=1))
    assert (folder.name, card.id, card.title) == ("mine-2", "mine-2", "Mine (2)")
    assert "'mine-2'" in notice
    assert find_card("Mine")[0] == first
    assert find_card("mine-2")[0].weights_sha256 != first.weights_sha256


def test_a_model_that_is_there_already_is_not_copied_again(tmp_path: Path) -> None:
    model = _model(tmp_path / "model", "mine")
    first, second = install_model(model), install_model(model)
    assert second == first
    other = install_model(_model(tmp_path / "two", "mine", seed=1))[0]
    assert install_model(tmp_path / "two")[0] == other
    assert len(list(user_models_folder().iterdir())) == 2


def test_a_folder_that_holds_no_model_takes_its_name_as_well(tmp_path: Path) -> None:
    (user_models_folder() / "mine").mkdir(parents=True)
    assert install_model(_model(tmp_path / "model", "mine"))[1].id == "mine-2"


@pytest.mark.parametrize("model", ["denoise-care", "Denoise-CARE", "classical-wiener"])
def test_names_of_models_that_come_with_the_package_are_refused_for_installing_alone(model: str) -> None:
    check_id(model, install=False)
    with pytest.raises(InputError, match="comes with the package: name the new one otherwise, with --name"):
        check_id(model, install=True)


@pytest.mark.parametrize("model", ["", "my cells", "../up", "ä", "-x", "x" * 65])
def test_names_that_are_no_ids_are_refused(model: str) -> None:
    with pytest.raises(InputError, match="is no name for a model"):
        check_id(model, install=False)


def test_a_long_name_that_is_taken_stays_an_id(tmp_path: Path) -> None:
    long = "x" * 64
    install_model(_model(tmp_path / "one", long))
    card = install_model(_model(tmp_path / "two", long, seed=1))[1]
    assert card.id == "x" * 62 + "-2"
    assert replace(card) == card
