"""The images that models and baselines are scored on, made from one definition file with fixed seeds.

The definition (``benchmarks/recipes/validation.toml``) names files, three levels for each task, and seeds; its
comments say what each number means.
"""

from __future__ import annotations

import csv
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.training.simulate import Simulated, draw, simulate
from napari_restoration.training.sources import Float, as_truth, read_plane

_NOT_SETTINGS = ("groups", "seed", "levels")


@dataclass(frozen=True, eq=False, kw_only=True)
class ValidationCase:
    """One degraded image and what it should be restored to.

    Parameters
    ----------
    task, group, file, level : str
        What is asked, the kind of image, the source file in the data folder, and how hard it is.
    simulated : Simulated
        Input, target, true blur and settings, see there.
    """

    task: str
    group: str
    file: str
    level: str
    simulated: Simulated

    @property
    def input(self) -> NDArray[np.float32]:
        """``(Y, X)``, or ``(T, Y, X)`` for a burst."""
        return self.simulated.input

    @property
    def target(self) -> NDArray[np.float32]:
        """``(Y * scale, X * scale)`` in the input's units."""
        return self.simulated.target


def read_definition(path: str | Path) -> dict[str, Any]:
    """Read the definition file.

    Raises
    ------
    InputError
        If it is absent or no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The validation definition {path} cannot be read ({error}).") from error


def validation_cases(
    task: str, data_dir: str | Path, definition: str | Path, *, tuning: bool = False
) -> Iterator[ValidationCase]:
    """Make the cases of a task, file by file and level by level, always the same.

    Parameters
    ----------
    task : str
        A table of the definition.
    data_dir : path
        Folder with ``index.csv`` and the images.
    definition : path
        The TOML file.
    tuning : bool
        Use the training images on which baselines are tuned instead of the ones scores come from.

    Raises
    ------
    InputError
        If the task is not defined, or a file's mark in ``index.csv`` is not ``val`` (``train`` for tuning).
    """
    values = read_definition(definition)
    if task not in values:
        raise InputError(f"{definition} defines no task {task!r}.")
    marks = _marks(Path(data_dir))
    wanted = "train" if tuning else "val"
    common = {k: v for k, v in values[task].items() if k not in _NOT_SETTINGS}
    camera: dict[str, Any] = {k: values[k] for k in ("gain", "offset") if k in values}
    for group in values[task]["groups"]:
        for entry in values["files"][group]["tuning" if tuning else "use"]:
            if marks.get(entry["file"]) != wanted:
                raise InputError(f"{entry['file']} is not marked {wanted!r} in {data_dir}/index.csv.")
            truth = _truth(Path(data_dir), values, group, entry)
            for index, (level, settings) in enumerate(values[task]["levels"].items()):
                rng = np.random.default_rng([values[task]["seed"], zlib.crc32(entry["file"].encode()), index])
                numbers = draw({**camera, **common, **settings}, rng)
                made = simulate(task, truth, numbers, rng)
                yield ValidationCase(task=task, group=group, file=entry["file"], level=level, simulated=made)


def _truth(data_dir: Path, values: Mapping[str, Any], group: str, entry: Mapping[str, Any]) -> Float:
    image = read_plane(data_dir / entry["file"], entry.get("plane"))
    black = values["files"][group]["black"]
    truth = as_truth(image, factor=entry["bin"], smooth=values["smooth"], black=black)
    return _busiest_window(truth, values["crop"])


def _busiest_window(image: Float, side: int) -> Float:
    # Even sides: every second pixel of a super-resolution target must belong to a whole input pixel.
    height, width = (min(side, n // 2 * 2) for n in image.shape)
    tops = range(0, image.shape[0] - height + 1, side // 2)
    lefts = range(0, image.shape[1] - width + 1, side // 2)
    windows = [image[y : y + height, x : x + width] for y in tops for x in lefts]
    return max(windows, key=lambda window: float(window.std()))


def _marks(data_dir: Path) -> dict[str, str]:
    try:
        with (data_dir / "index.csv").open(newline="", encoding="utf-8") as stream:
            return {row["file"]: row["use"] for row in csv.DictReader(stream)}
    except OSError as error:
        raise InputError(f"{data_dir}/index.csv cannot be read ({error.strerror}).") from error
