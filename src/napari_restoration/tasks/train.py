"""Train a model from a recipe, or go on with a training run: what the command line and widgets call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.progress import Progress, Task

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.run import TrainingRun

MODEL_FOLDER = "model"


def iter_train(
    recipe: str | Path,
    data_dir: str | Path,
    out: str | Path,
    *,
    minutes: float | None = None,
    seed: int | None = None,
    device: str = "cpu",
) -> Task[ModelCard]:
    """Train a model.

    Parameters
    ----------
    recipe : path
        TOML recipe.
    data_dir : path
        Folder with the images and their ``index.csv``.
    out : path
        Folder of the run, new or empty; the finished model is its folder ``model``.
    minutes : float, optional
        Time budget; without one the recipe's steps decide.
    seed : int, optional
        Instead of the recipe's.
    device : str
        "cpu", "cuda", "cuda:N" or "mps".

    Yields
    ------
    EpochReport
        After each epoch.

    Returns
    -------
    ModelCard
        The card of the best weights.

    Raises
    ------
    InputError, OutputError
        A wrong recipe, data folder or time budget; a folder that already holds a run.
    """
    from napari_restoration.training.recipe import read_recipe
    from napari_restoration.training.run import TrainingRun

    chosen = read_recipe(recipe)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    run = TrainingRun.create(Path(out), chosen, Path(data_dir), minutes=minutes, device=device)
    return (yield from _finish(run))


def iter_resume(run_folder: str | Path) -> Task[ModelCard]:
    """Go on with a training run from its last whole checkpoint; yields and returns as `iter_train`.

    Raises
    ------
    InputError
        If the folder holds no training run.
    """
    from napari_restoration.training.run import TrainingRun

    return (yield from _finish(TrainingRun.resume(Path(run_folder))))


def _finish(run: TrainingRun) -> Task[ModelCard]:
    from napari_restoration.training.export import export_run

    yield from run.epochs()
    yield Progress(done=run.step, total=run.step, message="writing the model")
    return export_run(run.folder, run.folder / MODEL_FOLDER, overwrite=True)
