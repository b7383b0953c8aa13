"""The sample stacks that come with the package: simulated, calibrated, each with its ground truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from napari_restoration.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample stack.

    Attributes
    ----------
    key
        Its short name, unique.
    task
        The restoration that it is made for: ``"deblur"``, ``"refocus"``, ``"superres"`` or ``"denoise"``.
    title
        A few words for a menu.
    description
        One sentence about what it shows and that it is simulated.
    path
        The degraded stack.
    truth_path
        Its ground truth in the same units; on a grid twice as fine for super-resolution.
    """

    key: str
    task: str
    title: str
    description: str
    path: Path
    truth_path: Path


def sample_dir() -> Path:
    """Return the folder of the sample stacks.

    An installed package carries it inside; in a checkout it lies at the top.

    Raises
    ------
    InputError
        If the installation lacks it.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / "sample_data", package.parents[1] / "sample_data")
    for place in places:
        if (place / "samples.json").is_file():
            return place
    raise InputError(f"The sample data are missing ({places[0]}); install napari-restoration again.")


def list_samples() -> list[Sample]:
    """List the sample stacks, one for each task."""
    folder = sample_dir()
    entries = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
    return [
        Sample(
            key=entry["key"],
            task=entry["task"],
            title=entry["title"],
            description=entry["description"],
            path=folder / entry["input"],
            truth_path=folder / entry["truth"],
        )
        for entry in entries
    ]


def find_sample(key: str) -> Sample:
    """Find a sample by its key, or by the task that it is made for.

    Raises
    ------
    InputError
        If there is none.
    """
    samples = list_samples()
    for sample in samples:
        if key in (sample.key, sample.task):
            return sample
    known = ", ".join(sample.key for sample in samples)
    raise InputError(f"There is no sample {key!r}; choose one of {known}.")


def sample_paths(key: str) -> tuple[Path, Path]:
    """Return the files of a sample: the degraded stack and its ground truth."""
    sample = find_sample(key)
    return sample.path, sample.truth_path
