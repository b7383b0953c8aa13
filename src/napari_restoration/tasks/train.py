"""Train a model from a recipe, or go on with a training run: what the command line and widgets call."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.train_end import MODEL_FOLDER, is_first_process, iter_train_to_end
from napari_restoration.tasks.train_recipe import TASK_METHODS, changed, choose_recipe

if TYPE_CHECKING:
    from napari_restoration.tasks.train_control import TrainingControl
    from napari_restoration.tasks.train_reports import TrainingResult
    from napari_restoration.training.material import Kind, Material

SIZES = ("paper", "default", "tiny")
_FILES = ("recipe", "data_dir", "validation", "preset", "start", "features", "backbone")

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
    name: str | None = None,
    leave_out: Sequence[str] = (),
    check: bool = True,
    assess: bool = True,
    install: bool = False,
    control: TrainingControl | None = None,
    live: bool = False,
) -> Task[TrainingResult]:
    """Train a model: look at the pairs, train, write the model, compare it with the one before, install it.

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
        network is taken as it is, and trained on as `napari_restoration.training.fine_tuning` has it; a recipe or
        method that is named keeps its settings, at a tenth of its learning rate. `changes` counts before both.
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
    name : str, optional
        Id and title of the model, instead of the recipe's.
    leave_out : sequence of str
        Pairs or images that are not used, by file name.
    check : bool
        Look at the pairs first, and refuse those that must not be trained on.
    assess : bool
        Compare the model with the one before it, on the images held out.
    install : bool
        Copy the finished model to the user's models as well; where its id is taken a number is added to it.
    control : TrainingControl, optional
        Pauses, stops, exports or quits, from any thread.
    live : bool
        Restore held-out crops every few seconds and write them to the run's ``live.safetensors``.

    Yields
    ------
    EpochReport
        After each epoch.
    LiveReport, ModelWritten
        When there are new crops, or a model is written.
    Notice
        What the user must hear.
    Progress
        Twice a second; a `Paused` while training waits. A task that is closed at one of these saves where it stands.

    Returns
    -------
    TrainingResult
        Where the model of the best weights is, and how it does.

    Raises
    ------
    InputError, OutputError
        A wrong recipe, data folder, time budget or name; images that do not fit together; a folder that already holds
        a run. Nothing is written then.
    TrainingSaved
        If the control wished to quit; the run can be resumed.
    """
    asked = _asked(locals())
    from napari_restoration.training.material import Material
    from napari_restoration.training.methods import Files
    from napari_restoration.training.run import TrainingRun

    degradation = _preset(kind, preset)
    chosen = choose_recipe(recipe, method, task or (degradation or {}).get("task"), size, start)
    chosen = changed(chosen, changes or {}, seed=seed)
    files = Files(
        features=Path(features) if features is not None else None,
        backbone=Path(backbone) if backbone is not None else None,
    )
    chosen = replace(chosen, id=name, title=name) if name is not None else chosen
    if name is not None or install:
        from napari_restoration.tasks.train_install import check_id

        check_id(chosen.id, install=install)
    if install and is_first_process():
        from napari_restoration.tasks.train_install import check_models_folder

        check_models_folder()
    material = Material(
        folder=Path(data_dir).resolve(), kind=kind, preset=degradation, pixel_size_um=pixel_size_um, axes=axes,
        validation=Path(validation).resolve() if validation is not None else None, leave_out=tuple(leave_out),
    )  # fmt: skip
    if check and is_first_process():
        material = yield from _checked(material, control)
    run = TrainingRun.create(
        Path(out), chosen, material, minutes=minutes, device=device, devices=devices, files=files,
        tensorboard=tensorboard, start=start, asked=asked,
    )  # fmt: skip
    return (yield from iter_train_to_end(run, control, live=live))


def iter_resume(
    run_folder: str | Path, *, control: TrainingControl | None = None, live: bool = False
) -> Task[TrainingResult]:
    """Go on with a training run from its last whole checkpoint; yields, returns and raises as `iter_train`.

    Raises
    ------
    InputError
        If the folder holds no training run.
    """
    from napari_restoration.training.run import TrainingRun

    run = TrainingRun.resume(Path(run_folder), alone=False)
    return (yield from iter_train_to_end(run, control, live=live))


def _asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `iter_train` that are not left at their defaults, as plain values; files with their whole paths."""
    defaults = {name: one.default for name, one in inspect.signature(iter_train).parameters.items()}
    own = {name: value for name, value in given.items() if name not in ("out", "control", "live")}
    nothing: tuple[object, ...] = (None, (), [], {})
    return {k: _plain(k, v) for k, v in own.items() if v != defaults[k] and v not in nothing}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(key, entry) for key, entry in value.items()}
    if name in _FILES and Path(value).exists():
        return str(Path(value).resolve())
    return (
        list(value) if isinstance(value, (list, tuple)) else str(value) if isinstance(value, Path) else value
    )


def _checked(material: Material, control: TrainingControl | None) -> Generator[Progress, None, Material]:
    from napari_restoration.tasks.train_check import iter_check_material
    from napari_restoration.tasks.train_control import TrainingSaved

    with closing(iter_check_material(material)) as task:
        while control is None or not control.is_quitting:
            try:
                yield next(task)
            except StopIteration as end:
                found: Material = end.value
                return found
    raise TrainingSaved("Training was ended before it began; nothing was written.")


def _preset(kind: str, preset: str | Path | None) -> dict[str, Any] | None:
    from napari_restoration.degradations.preset_store import find_preset

    if (kind == "clean") != (preset is not None):
        raise InputError("Good images and the preset that degrades them belong together: name both or none.")
    return find_preset(preset).to_dict() if preset is not None else None
