"""Train a model from a recipe, or go on with a training run: what the command line and widgets call."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress, Task

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.recipe import Recipe
    from napari_restoration.training.run import TrainingRun

MODEL_FOLDER = "model"
PRESETS = ("paper", "default", "tiny")


def method_names() -> list[str]:
    """Methods that `iter_train` knows by name."""
    from napari_restoration.training.method_recipes import list_methods

    return list_methods()


def iter_train(
    recipe: str | Path | None,
    data_dir: str | Path,
    out: str | Path,
    *,
    method: str | None = None,
    preset: str = "default",
    minutes: float | None = None,
    seed: int | None = None,
    device: str = "cpu",
    devices: int = 1,
    features: str | Path | None = None,
    backbone: str | Path | None = None,
    tensorboard: bool = False,
) -> Task[ModelCard]:
    """Train a model.

    Parameters
    ----------
    recipe : path or None
        TOML recipe; None where a method is named.
    data_dir : path
        Folder with the images and their ``index.csv``.
    out : path
        Folder of the run, new or empty; the finished model is its folder ``model``.
    method : str, optional
        One of `method_names`, instead of a recipe.
    preset : {"paper", "default", "tiny"}
        Size of the method: the published settings, ours, or the smallest for a trial.
    minutes : float, optional
        Time budget; without one the recipe's steps decide.
    seed : int, optional
        Instead of the recipe's.
    device : str
        "cpu", "cuda", "cuda:N" or "mps".
    devices : int
        How many devices of this kind; each has a process of its own, which runs this script or command again. Each
        step then has a batch a device, and a resumed run is not equal to the bit.
    features, backbone : path, optional
        Local files of ImageNet weights: of the network whose features are compared, and of the generator's frozen
        part.
    tensorboard : bool
        Write a log for TensorBoard into the run's folder as well.

    Yields
    ------
    EpochReport
        After each epoch.
    Notice
        What the user must hear.
    Progress
        Twice a second. A task that is closed at one of these saves where it stands.

    Returns
    -------
    ModelCard
        The card of the best weights.

    Raises
    ------
    InputError, OutputError
        A wrong recipe, data folder or time budget; a folder that already holds a run.
    """
    from napari_restoration.training.methods import Files
    from napari_restoration.training.run import TrainingRun

    chosen = _recipe(recipe, method, preset)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    files = Files(
        features=Path(features) if features is not None else None,
        backbone=Path(backbone) if backbone is not None else None,
    )
    run = TrainingRun.create(
        Path(out),
        chosen,
        Path(data_dir),
        minutes=minutes,
        device=device,
        devices=devices,
        files=files,
        tensorboard=tensorboard,
    )
    return (yield from _finish(run))


def iter_resume(run_folder: str | Path) -> Task[ModelCard]:
    """Go on with a training run from its last whole checkpoint; yields and returns as `iter_train`.

    Raises
    ------
    InputError
        If the folder holds no training run.
    """
    from napari_restoration.training.run import TrainingRun

    return (yield from _finish(TrainingRun.resume(Path(run_folder), alone=False)))


def _recipe(path: str | Path | None, method: str | None, preset: str) -> Recipe:
    from napari_restoration.training.method_recipes import method_recipe
    from napari_restoration.training.recipe import read_recipe

    if (path is None) == (method is None):
        raise InputError("Training needs either a recipe or the name of a method.")
    return read_recipe(path) if path is not None else method_recipe(str(method), preset)


def _finish(run: TrainingRun) -> Generator[Progress, None, ModelCard]:
    from napari_restoration.training.export import export_run

    if not run.leads:
        for _ in run.epochs():
            pass
        raise SystemExit(0)  # the first process tells of the training and writes the model
    yield from run.epochs()
    yield Progress(done=run.step, total=run.step, message="writing the model")
    return export_run(run.folder, run.folder / MODEL_FOLDER, overwrite=True)
