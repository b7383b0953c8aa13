"""Where presets are kept: those that come with the package, and the user's own beside the user's models."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.files import safe_file_name, write_bytes_atomically
from napari_restoration.degradations.presets import Preset

VERSION = 1

_LOG = logging.getLogger(__name__)


def list_presets() -> list[Preset]:
    """Return the shipped presets, then the user's own by title.

    Files that cannot be read are left out and logged; so are those named like a shipped preset.
    """
    own: list[Preset] = []
    for path in sorted(user_presets_folder().glob("*.json")):
        if is_shipped(path.stem):
            _LOG.warning("The preset file %s is not used: a shipped preset has its name.", path)
            continue
        try:
            own.append(_read_own(path))
        except InputError as error:
            _LOG.warning("A preset of yours is left out: %s", error)
    return [*_shipped().values(), *sorted(own, key=lambda preset: preset.title.casefold())]


def find_preset(name: str | Path) -> Preset:
    """Return a preset by its id, or read it from a JSON file.

    Raises
    ------
    InputError
        If there is none of that name, with the names there are.
    """
    path = Path(name)
    if path.suffix.lower() == ".json":
        return read_preset(path)
    shipped = _shipped()
    if str(name) in shipped:
        return shipped[str(name)]
    own = _own_file(str(name))
    if own.is_file():
        return _read_own(own)
    known = ", ".join(preset.id for preset in list_presets())
    raise InputError(f"There is no preset {str(name)!r}; there are {known}, or name a JSON file.")


def is_shipped(preset_id: str) -> bool:
    """Whether a preset of that id comes with the package."""
    return preset_id in _shipped()


def read_preset(path: Path) -> Preset:
    """Read a preset from its file.

    Raises
    ------
    InputError
        If the file cannot be read or is no preset, naming the file and what is wrong.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): name an existing preset file."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no preset: it is not readable JSON ({error}).") from error
    if not isinstance(values, dict) or "preset" not in values:
        raise InputError(f"{path} is no preset: it lacks the field 'preset'.")
    version = values.get("version", VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= VERSION:
        raise InputError(
            f"{path} is of version {version!r}, but this program knows versions up to {VERSION}: update the program."
        )
    try:
        return Preset.from_dict(values["preset"])
    except (InputError, TypeError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no usable preset: {error}") from error


def save_preset(preset: Preset, *, overwrite: bool = False) -> Path:
    """Keep a preset among the user's own.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If a shipped preset has the id.
    OutputError
        If the user has one of that id and `overwrite` is false, or the file cannot be written.
    """
    if is_shipped(preset.id):
        raise InputError(
            f"{preset.id!r} is the name of a preset that comes with the package: choose another one."
        )
    path = _own_file(preset.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomically(path, preset_text(preset).encode(), overwrite=overwrite)
    return path


def preset_text(preset: Preset) -> str:
    """Return the content of a preset's file."""
    return json.dumps({"version": VERSION, "preset": preset.to_dict()}, indent=1)


def delete_preset(preset_id: str) -> None:
    """Remove one of the user's own presets.

    Raises
    ------
    InputError
        If the user has none of that id.
    """
    path = _own_file(preset_id)
    if is_shipped(preset_id) or not path.is_file():
        raise InputError(f"{preset_id!r} is none of your own presets, so it cannot be removed.")
    path.unlink()


def user_presets_folder() -> Path:
    """Return the folder of the user's presets; it need not exist."""
    from platformdirs import user_data_path

    return user_data_path("napari-restoration", appauthor=False) / "presets"


def _read_own(path: Path) -> Preset:
    """One of the user's own presets. A file that was put there under another name than its id goes by that name."""
    preset = read_preset(path)
    return preset if _own_file(preset.id).name == path.name else replace(preset, id=path.stem)


def _own_file(preset_id: str) -> Path:
    return user_presets_folder() / f"{safe_file_name(preset_id)}.json"


@cache
def _shipped() -> dict[str, Preset]:
    text = files("napari_restoration.degradations").joinpath("presets.json").read_text("utf-8")
    entries: list[dict[str, Any]] = json.loads(text)["presets"]
    return {entry["id"]: Preset.from_dict(entry) for entry in entries}
