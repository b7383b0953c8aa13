"""Train a model from a recipe, or go on with a training run: what the command line and widgets call."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.train_recipe import TASK_METHODS, changed, choose_recipe

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.material import Kind
    from napari_restoration.training.run import TrainingRun

MODEL_FOLDER = "model"
SIZES = ("paper", "default", "tiny")

__all__ = ["MODEL_FOLDER", "SIZES", "TASK_METHODS", "iter_resume", "iter_train", "method_names"]


def method_names() -> list[str]:
    """Methods that `iter_train` knows by name."""
    from napari_restoration.training.method_recipes import list_methods

    return list_methods()


def iter_train(
    recipe: str | Path | None,
    data_dir: str | Path,
    out: str | Path,
    *,
    kind: Kind = "index",
    validation: str | Path | None = None,
    preset: str | Path | None = None,
    pixel_size_um: float | None = None,
    axes: str | None = None,
    method: str | None = None,
    task: str | None = None,
    size: str | None = None,
    start: str | Path | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    changes: Mapping[str, Any] | None = None,
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
        TOML recipe; None where a method, a task or a model to start from is named.
    data_dir : path
        Folder with the images.
    out : path
        Folder of the run, new or empty; the finished model is its folder ``model``.
    kind : {"index", "pairs", "clean"}
        What `data_dir` holds: images with their ``index.csv``, pairs, or good images that `preset` degrades.
    validation : path, optional
        Folder of the same kind that scores come from; by default a share of the fields of view is held out.
    preset : str or path, optional
        Preset of `napari_restoration.tasks.presets` or its file, for good images.
    pixel_size_um : float, optional
        Of good images that do not tell it.
    axes : str, optional
        Meaning of the files' axes, if they do not say it.
    method : str, optional
        One of `method_names`, instead of a recipe.
    task : str, optional
        Its usual method, instead of a recipe.
    size : {"paper", "default", "tiny"}, optional
        Size of the method: the published settings, ours, or the smallest for a trial.
    start : str or path, optional
        Model whose weights training starts from: id, model folder or run. Without recipe, method and task its
        network is taken as it is. The learning rate is a tenth of the recipe's unless `changes` gives one.
    minutes : float, optional
        Time budget; without one the recipe's steps decide.
    seed : int, optional
        Instead of the recipe's.
    changes : mapping, optional
        Fields of `TrainingSettings` that replace the recipe's, and ``epochs``.
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
        A wrong recipe, data folder or time budget; images that do not fit together; a folder that already holds a
        run. Nothing is written then.
    """
    from napari_restoration.training.material import Material
    from napari_restoration.training.methods import Files
    from napari_restoration.training.run import TrainingRun

    degradation = _preset(kind, preset)
    chosen = choose_recipe(recipe, method, task or (degradation or {}).get("task"), size, start)
    chosen = changed(chosen, changes or {}, seed=seed, gentle=start is not None)
    files = Files(
        features=Path(features) if features is not None else None,
        backbone=Path(backbone) if backbone is not None else None,
    )
    material = Material(
        folder=Path(data_dir).resolve(), kind=kind, preset=degradation, pixel_size_um=pixel_size_um, axes=axes,
        validation=Path(validation).resolve() if validation is not None else None,
    )  # fmt: skip
    run = TrainingRun.create(
        Path(out), chosen, material, minutes=minutes, device=device, devices=devices, files=files,
        tensorboard=tensorboard, start=start,
    )  # fmt: skip
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


def _preset(kind: str, preset: str | Path | None) -> dict[str, Any] | None:
    from napari_restoration.degradations.preset_store import find_preset

    if (kind == "clean") != (preset is not None):
        raise InputError("Good images and the preset that degrades them belong together: name both or none.")
    return find_preset(preset).to_dict() if preset is not None else None


def _finish(run: TrainingRun) -> Generator[Progress, None, ModelCard]:
    from napari_restoration.training.export import export_run

    if not run.leads:
        for _ in run.epochs():
            pass
        raise SystemExit(0)  # the first process tells of the training and writes the model
    yield from run.epochs()
    yield Progress(done=run.step, total=run.step, message="writing the model")
    return export_run(run.folder, run.folder / MODEL_FOLDER, overwrite=True, data=run.data)
