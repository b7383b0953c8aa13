"""Where the results of a command go: a file for one input, a folder for several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_restoration.cli.messages import BAD_INPUT
from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.core.files import check_output, safe_file_name

# Taken off an input's name before the model's or the preset's id is added to it.
_SUFFIXES = (".ome.tiff", ".ome.tif", ".ome.zarr")


@dataclass(frozen=True)
class Job:
    """One input and the file its result goes to."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Failure:
    """One input of which there is no result, and why."""

    source: Path
    error: Exception
    code: int


def plan_jobs(sources: Sequence[Path], output: Path, label: str, *, folder: bool) -> list[Job]:
    """Name the result of each input.

    Parameters
    ----------
    sources : sequence of Path
        The inputs.
    output : Path
        What the user gave: a file for one input, a folder for several.
    label : str
        Id of the model or preset, named in the results' names: ``cell.tif`` becomes ``cell [label].tif``.
    folder : bool
        Whether `output` is a folder. It need not exist.

    Returns
    -------
    list of Job
        One for each input, in order.

    Raises
    ------
    OutputError
        If a folder is needed but `output` is a file, or two results would have one name.
    """
    if not folder:
        return [Job(sources[0], output)]
    if output.is_file() or _is_image_name(output):
        raise OutputError(
            f"{output} is one file, but {len(sources)} inputs need a folder: name one with -o FOLDER/."
        )
    jobs = [Job(source, output / _result_name(source, label)) for source in sources]
    first: dict[str, Path] = {}
    for job in jobs:
        # Some file systems do not tell capital letters from small ones.
        other = first.setdefault(job.target.name.casefold(), job.source)
        if other is not job.source:
            raise OutputError(
                f"{other} and {job.source} would both become {job.target}: write them into two folders."
            )
    return jobs


def is_folder(output: str, inputs: int) -> bool:
    """Whether the output is meant to be a folder: several inputs, one that exists, or a name that ends in ``/``."""
    if inputs > 1:
        return True
    if _is_image_name(Path(output)):
        return False  # an OME-Zarr is a folder, but one image
    return output.endswith(("/", "\\")) or Path(output).is_dir()


def check_job(job: Job, sources: Sequence[Path], *, overwrite: bool, folder: bool) -> None:
    """Refuse an input or output before anything is loaded.

    Raises
    ------
    RestorationError
        If the input is missing, or the output exists, is one of the inputs, or cannot be written.
    """
    from napari_restoration.core.io import output_format

    if not job.source.exists():
        raise InputError(f"{job.source} does not exist: check its name and folder.")
    is_zarr = output_format(job.target) == "ome-zarr"
    if folder and not job.target.parent.is_dir():
        return  # made before the first result is written; nothing is there yet to collide with
    check_output(job.target, sources, overwrite, folder=is_zarr)


def make_folder(folder: Path) -> None:
    """Make the folder of the results.

    Raises
    ------
    OutputError
        If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made a folder ({error.strerror}): choose another one."
        ) from error


def sort_out(jobs: Sequence[Job], *, overwrite: bool, folder: bool) -> tuple[list[Job], list[Failure]]:
    """Check every job, and part those that can be done from those that cannot."""
    sources = [job.source for job in jobs]
    good: list[Job] = []
    bad: list[Failure] = []
    for job in jobs:
        try:
            check_job(job, sources, overwrite=overwrite, folder=folder)
        except RestorationError as error:
            bad.append(Failure(job.source, error, BAD_INPUT))
        else:
            good.append(job)
    return good, bad


def _is_image_name(path: Path) -> bool:
    """Whether a name has the suffix of an image that can be written."""
    from napari_restoration.core.io import output_format

    try:
        output_format(path)
    except RestorationError:
        return False
    return True


def _result_name(source: Path, label: str) -> str:
    name = source.name
    suffix = next((suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)), source.suffix)
    kind = ".ome.tif" if suffix.lower().startswith(".ome.tif") else ".tif"
    stem = name[: len(name) - len(suffix)]
    return f"{safe_file_name(stem)} [{safe_file_name(label)}]{kind}"
