"""The folder that bursts are written to, and its record: those of several streams may share one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import safe_file_name, write_bytes_atomically
from napari_restoration.core.provenance import software_versions, to_json
from napari_restoration.tasks.pairs_record import RECORD, VERSION
from napari_restoration.training.pairs.names import stem_of


class BurstFolder:
    """A folder with ``input/``, ``target/`` and the record of how each burst was made.

    Parameters
    ----------
    path : Path
        New, empty, or holding bursts of the same window.
    low, high : float
        The window: one for all bursts that are trained on together.

    Raises
    ------
    OutputError
        If the folder holds anything else, or cannot be made.
    """

    def __init__(self, path: Path, low: float, high: float) -> None:
        self.path = path
        self._window = [low, high]
        self._earlier = self._found()
        self._entries: list[dict[str, Any]] = []

    @property
    def written(self) -> tuple[str, ...]:
        """File names of this run."""
        return tuple(entry["pair"] for entry in self._entries)

    def reserve(self, names: Iterable[str]) -> None:
        """Make the folders, unless two images would be written under one name.

        Raises
        ------
        InputError
            If a name occurs twice, or is that of a burst in the folder.
        """
        taken = {str(entry.get("sharp", "")) for entry in self._earlier}
        # Some file systems take a.tif and A.tif for one.
        stems = {safe_file_name(stem_of(name)).casefold() for name in taken}
        for name in names:
            stem = safe_file_name(stem_of(name))
            if stem.casefold() in stems:
                raise InputError(
                    f"Two sharp images would be written as {stem!r} into {self.path}: give {name!r} another name, or "
                    "choose another folder."
                )
            stems.add(stem.casefold())
        try:
            for part in ("input", "target"):
                (self.path / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be made ({error.strerror}): choose another folder."
            ) from error

    def add(self, entry: dict[str, Any]) -> None:
        """Add what tells how a burst was made."""
        self._entries.append(entry)

    def save(self) -> None:
        """Write the record, whole or not at all."""
        record = {
            "version": VERSION, "software": software_versions(), "window": self._window,
            "pairs": [*self._earlier, *self._entries],
        }  # fmt: skip
        text = json.dumps(json.loads(to_json(record)), indent=1) + "\n"
        write_bytes_atomically(self.path / RECORD, text.encode())

    def _found(self) -> list[dict[str, Any]]:
        """Entries of bursts in the folder; none if it is new or empty."""
        try:
            if not self.path.exists() or not any(
                not one.is_dir() for one in [*self.path.iterdir(), *self.path.rglob("*")]
            ):
                return []
            record = json.loads((self.path / RECORD).read_text("utf-8"))
            window, entries = record["window"], [dict(entry) for entry in record["pairs"]]
        except NotADirectoryError as error:
            raise OutputError(f"{self.path} is no folder: choose another name.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{self.path} is not empty and holds no bursts: choose a new folder for the bursts."
            ) from error
        if window != self._window:
            raise OutputError(
                f"The bursts in {self.path} have the window {window[0]:g} to {window[1]:g}, not {self._window[0]:g} to "
                f"{self._window[1]:g}: all that are trained on together need one."
            )
        return entries
