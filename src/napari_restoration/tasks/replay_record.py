"""What a replay starts from: the record of a result, its input, its model, and what is different here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image
from napari_restoration.core.provenance import VERSION, Provenance, software_versions
from napari_restoration.models.card import TASKS, ModelCard
from napari_restoration.models.classical.catalogue import is_classical
from napari_restoration.models.registry import find_card, list_models

DEGRADE = "degrade"
_LARGEST_JSON_BYTES = 64 * 2**20
_SUFFIXES = ("", ".tif", ".tiff", ".ome.tif", ".ome.tiff", ".ome.zarr", ".zarr", ".npy", ".png", ".jpg")
# Not among what a result's pixels depend on.
_NEVER_COUNTS = ("napari",)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """A record and where it was found.

    Parameters
    ----------
    path : Path
        The restored file, or the JSON file.
    provenance : Provenance
        The record.
    image : CalibratedImage, optional
        The restored file's pixels; none of a JSON file.
    """

    path: Path
    provenance: Provenance
    image: CalibratedImage | None

    @property
    def input(self) -> Mapping[str, Any]:
        """What the record says of the first input."""
        return self.provenance.inputs[0]


def read_record(path: str | Path) -> Recorded:
    """Read the record of how a result was made.

    Parameters
    ----------
    path : path
        A restored or degraded file, or its record as JSON.

    Raises
    ------
    InputError
        If there is no record, it is damaged or of a newer version, or of something that cannot be made again.
    """
    path = Path(path)
    image = None
    if _is_json(path):
        provenance = _checked(path, _json_of(path))
    else:
        image = read_image(path)
        found = image.metadata.get("provenance")
        if found is None:
            raise InputError(
                f"{path} carries no record of how it was made: give a result of napari-restoration, or its record as "
                "JSON."
            )
        provenance = _checked(path, found)
    if provenance.task not in (*TASKS, DEGRADE):
        raise InputError(
            f"{path} is the record of the task {provenance.task!r}, which cannot be replayed: give that of a "
            "restoration or a degradation."
        )
    if not provenance.inputs:
        raise InputError(f"{path}: its record names no input, so nothing can be made again from it.")
    return Recorded(path=path, provenance=provenance, image=image)


def _is_json(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _json_of(path: Path) -> Any:
    import json

    if path.stat().st_size > _LARGEST_JSON_BYTES:
        raise InputError(f"{path} is larger than any record: give the JSON file of a result.")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no readable JSON ({error}): save the record again.") from error


def _checked(path: Path, record: Any) -> Provenance:
    version = record.get("version") if isinstance(record, Mapping) else None
    if isinstance(version, int) and version > VERSION:
        raise InputError(
            f"{path}: its record is of version {version}, this program knows up to {VERSION}: update "
            "napari-restoration."
        )
    try:
        return Provenance.from_dict(record)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def find_input(recorded: Recorded, given: str | Path | None = None) -> Path:
    """Find the file that a result was made from.

    It is looked for where the record says, beside the record, and in the working folder.

    Parameters
    ----------
    recorded : Recorded
        The record.
    given : path, optional
        The file, if the user names it.

    Raises
    ------
    InputError
        If it is not there.
    """
    if given is not None:
        path = Path(given)
        if not path.exists():
            raise InputError(f"{path} does not exist: check the name of the input.")
        return path
    name = str(recorded.input.get("name", ""))
    folder = recorded.path.resolve().parent
    places = [folder / str(place)] if (place := recorded.input.get("file")) else []
    if name and Path(name).name == name:
        places += [where / (name + suffix) for where in (folder, Path()) for suffix in _SUFFIXES]
    for path in places:
        if path.exists():
            return path
    raise InputError(
        f"The input {name!r} of {recorded.path} is neither where the record says nor beside it: name its file with "
        "--input."
    )


def read_input(recorded: Recorded, path: Path) -> CalibratedImage:
    """Read the input with the axes and pixel sizes that the result was made with.

    Raises
    ------
    InputError
        If it is of another shape or type.
    """
    noted = recorded.input
    axes, shape = str(noted.get("axes", "")), list(noted.get("shape", ()))
    try:
        image = read_image(path, axes=axes or None)
    except InputError as error:
        if not axes:
            raise
        image = read_image(path)  # says by itself what is wrong with a file that cannot be read
        raise _other(
            recorded, path, f"it is {image.axes} {image.shape} instead of {axes} {tuple(shape)}"
        ) from error
    if list(image.shape) != shape:
        raise _other(recorded, path, f"its shape is {image.shape} instead of {tuple(shape)}")
    sizes = noted.get("pixel_size_um")
    sizes = dict(sizes) if isinstance(sizes, Mapping) else {}
    return image.replace(name=str(noted.get("name", image.name)), pixel_size_um=sizes)


def check_sha256(recorded: Recorded, path: Path, found: str) -> None:
    """Refuse pixels that are not those of the record.

    Raises
    ------
    InputError
        If the hashes differ, or the record holds none.
    """
    wanted = str(recorded.input.get("sha256", ""))
    if not wanted:
        raise InputError(
            f"{recorded.path}: its record holds no hash of the input, so nobody can tell the file."
        )
    if found != wanted:
        raise _other(
            recorded, path, f"the SHA-256 of its pixels is {found[:12]}... instead of {wanted[:12]}..."
        )


def _other(recorded: Recorded, path: Path, what: str) -> InputError:
    return InputError(
        f"{path} is not the image that {recorded.path.name} was made from: {what}; name the right file with --input."
    )


def find_model(recorded: Recorded, given: str | Path | None = None) -> tuple[str | Path, ModelCard]:
    """Find the model of a record: by its id, else by its weights.

    Parameters
    ----------
    recorded : Recorded
        The record.
    given : str or Path, optional
        Another id, or a model's folder.

    Returns
    -------
    tuple
        What to load, and its card.

    Raises
    ------
    ModelError
        If it is gone, or has other weights.
    """
    noted = recorded.provenance.model
    name, wanted = str(noted.get("id", "")), str(noted.get("weights_sha256", ""))
    try:
        model: str | Path = name if given is None else given
        card = find_card(model)[0]
    except ModelError as error:
        if given is not None:
            raise
        renamed = _with_weights(wanted)
        if renamed is None:
            raise ModelError(
                f"The model {name!r} of {recorded.path} is not among the models here: put it back, or name its folder "
                "with --model."
            ) from error
        return renamed
    if is_classical(card) != (not wanted) or card.weights_sha256 != wanted:
        renamed = _with_weights(wanted) if given is None else None
        if renamed is not None:
            return renamed
        raise ModelError(
            f"The model {card.id!r} has other weights than the one {recorded.path.name} was made with (SHA-256 "
            f"{card.weights_sha256[:12] or 'none'} instead of {wanted[:12] or 'none'}): name the folder of those with "
            "--model."
        )
    return model, card


def _with_weights(sha256: str) -> tuple[str | Path, ModelCard] | None:
    if not sha256:
        return None
    cards = (find_card(name)[0] for name in list_models(classical=False))
    return next(((card.id, card) for card in cards if card.weights_sha256 == sha256), None)


def software_differences(provenance: Provenance) -> list[str]:
    """What is installed in another version than the record says: one sentence, or none."""
    here, then = software_versions(), provenance.software
    names = [name for name in {**then, **here} if name not in _NEVER_COUNTS]
    parts = [
        f"{name} {then.get(name, 'not noted')}, here {here.get(name, 'none')}"
        for name in names
        if str(then.get(name)) != here.get(name)
    ]
    return [f"It was made with {'; '.join(parts)}: the last bits may differ."] if parts else []
