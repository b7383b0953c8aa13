"""Put images that are open in a viewer where a training reads them: as files in the folder of the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import safe_file_name
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.core.progress import Notice, Progress, Task


def iter_write_pairs(pairs: Sequence[tuple[CalibratedImage, CalibratedImage]], folder: Path) -> Task[Path]:
    """Write ``folder/input/NAME.tif`` and ``folder/target/NAME.tif``, named like the inputs.

    Parameters
    ----------
    pairs : sequence of tuple of CalibratedImage
        Input and target; lazy arrays are read plane by plane.
    folder : Path
        Is made.

    Yields
    ------
    Progress
        After each pair; a `Notice` for what a file cannot hold.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    InputError
        If there is no pair.
    OutputError
        If the folder cannot be made or holds such a pair already.
    """
    if not pairs:
        raise InputError("There is no pair to write: choose an input and a target.")
    names = _file_names([given for given, _ in pairs])
    sides = [_made(folder / part) for part in ("input", "target")]
    for number, (name, pair) in enumerate(zip(names, pairs, strict=True)):
        yield Progress(done=number, total=len(pairs), message=f"Writing {name}")
        for side, image in zip(sides, pair, strict=True):
            for words in write_image(side / name, image):
                yield Notice(done=number, total=len(pairs), message=words)
    yield Progress(done=len(pairs), total=len(pairs), message="")
    return folder


def iter_write_good(images: Sequence[CalibratedImage], folder: Path) -> Task[Path]:
    """Write good images as ``folder/NAME.tif``; yields, returns and raises as `iter_write_pairs`."""
    if not images:
        raise InputError("There is no good image to write: choose at least one.")
    _made(folder)
    for number, (name, image) in enumerate(zip(_file_names(images), images, strict=True)):
        yield Progress(done=number, total=len(images), message=f"Writing {name}")
        for words in write_image(folder / name, image):
            yield Notice(done=number, total=len(images), message=words)
    yield Progress(done=len(images), total=len(images), message="")
    return folder


def _file_names(images: Sequence[CalibratedImage]) -> list[str]:
    """One name each, also on systems that take ``A.tif`` and ``a.tif`` for one."""
    names: list[str] = []
    taken: set[str] = set()
    for image in images:
        stem = safe_file_name(image.name)
        name, number = f"{stem}.tif", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}.tif"
        taken.add(name.casefold())
        names.append(name)
    return names


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made ({error.strerror}): choose another folder for the run."
        ) from error
    return folder
