"""Tiny models with random weights: what is tested is the command line, not what a network has learned."""

from pathlib import Path

import pytest

TRAINED_ON = ({"name": "nothing", "license": "BSD-3-Clause", "source": "random numbers"},)


def save_tiny_model(folder: Path, task: str = "denoise") -> Path:
    """Save a network of two layers' depth as the model ``tiny``."""
    import torch

    from napari_restoration.models.archs import build, geometry
    from napari_restoration.models.card import ModelCard
    from napari_restoration.models.store import save_model_folder

    settings = {"base": 2, "depth": 1, "kernel": 3, "probabilistic": False}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = build("care", **settings)
    shape = geometry("care", **settings)
    card = ModelCard(
        id="tiny",
        title="Tiny",
        description="A tiny network for tests.",
        task=task,
        arch="care",
        arch_args=settings,
        size_multiple=shape.size_multiple,
        halo=shape.receptive_field,
        receptive_field=shape.receptive_field,
        trained_on=TRAINED_ON,
        scores={"psnr": {"model": 31.25, "input": 24.0}},
    )
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    save_model_folder(folder, card, state)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny denoising model."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
