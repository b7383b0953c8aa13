"""What a training run was started with, as ``config.json``, and what has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.training.history import check_tensorboard
from napari_restoration.training.material import Material
from napari_restoration.training.recipe import Recipe

if TYPE_CHECKING:
    from napari_restoration.training.methods import Files

CONFIG = "config.json"
_FILES = ("features", "backbone")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What decides a run, besides the images themselves.

    Parameters
    ----------
    recipe : Recipe
    material : Material
        Where the images are.
    start : tuple of str, or None
        Model whose weights training starts from: as it was named, its file of weights and that file's SHA-256.
    minutes : float or None
        Time budget; None: the recipe's steps.
    device, devices : str, int
        Kind of device, and how many of them.
    tensorboard : bool
        Write a log for TensorBoard as well.
    files : mapping of str to (str, str)
        Local files of other people's weights: path and SHA-256.
    asked : mapping
        Arguments of `napari_restoration.tasks.train.iter_train` by name, as plain values and as they were given, to
        make the same run anew; those left at their defaults are left out. Empty for runs that were not begun there,
        or by an earlier version.
    written : mapping or None
        The recipe as ``config.json`` has it, without the fields that later versions added.
    """

    recipe: Recipe
    material: Material
    start: tuple[str, str, str] | None = None
    minutes: float | None = None
    device: str = "cpu"
    devices: int = 1
    tensorboard: bool = False
    files: dict[str, tuple[str, str]]
    asked: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] | None = None

    @property
    def hash(self) -> str:
        """Of all that a checkpoint of this run depends on."""
        plain: dict[str, Any] = {
            "recipe": self.recipe.to_dict() if self.written is None else self.written,
            "files": {k: v[1] for k, v in self.files.items()},
        }
        if self.start is not None:
            plain["start"] = self.start[2]
        if self.material.preset is not None:
            plain["preset"] = dict(self.material.preset)
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    def begin(self, folder: Path) -> None:
        """Make the run's folder and write ``config.json`` into it.

        Raises
        ------
        OutputError
            If the folder cannot be made or written to.
        RestorationError
            If a log for TensorBoard is wanted, which is not installed.
        """
        if self.tensorboard:
            check_tensorboard()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.write(folder)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be written to ({error.strerror}); choose another folder for the run."
            ) from error

    def write(self, folder: Path) -> None:
        """Write ``config.json``."""
        plain: dict[str, Any] = {
            "version": 4, "recipe": self.recipe.to_dict(), "material": self.material.to_dict(), "start": self.start,
            "minutes": self.minutes,
            "device": self.device, "devices": self.devices, "tensorboard": self.tensorboard, "files": self.files,
            "asked": dict(self.asked),
        }  # fmt: skip
        write_bytes_atomically(folder / CONFIG, (json.dumps(plain, indent=2) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> RunConfig:
        """Read ``config.json``.

        Raises
        ------
        InputError
            If the folder holds no training run.
        """
        try:
            plain = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            return cls(
                recipe=Recipe.from_dict(plain["recipe"]), material=_material(plain),
                start=tuple(plain["start"]) if plain.get("start") else None,
                minutes=plain["minutes"], device=plain["device"],
                devices=plain.get("devices", 1), tensorboard=plain.get("tensorboard", False),
                files={name: (path, digest) for name, (path, digest) in plain.get("files", {}).items()},
                asked=plain.get("asked", {}), written=plain["recipe"],
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{folder} holds no training run that can be resumed ({error}).") from error

    def open_files(self) -> Files:
        """The local files of weights, checked to be those the run was started with.

        Raises
        ------
        InputError
            If one is missing or holds something else.
        """
        from napari_restoration.training.methods import Files

        named = [*self.files.values(), *([self.start[1:]] if self.start is not None else [])]
        for path, digest in named:
            if _file_hash(Path(path)) != digest:
                raise InputError(
                    f"{path} is not the file that this training was started with; put that one back."
                )
        return Files(**{name: Path(path) for name, (path, _) in self.files.items()})


def _material(plain: dict[str, Any]) -> Material:
    """Up to version 2 there was one kind of folder."""
    return (
        Material.from_dict(plain["material"])
        if "material" in plain
        else Material(folder=Path(plain["data_dir"]))
    )


def name_files(files: Files | None) -> dict[str, tuple[str, str]]:
    """Path and SHA-256 of each file that is given."""
    given = {name: getattr(files, name) for name in _FILES} if files is not None else {}
    return {name: (str(path.resolve()), _file_hash(path)) for name, path in given.items() if path is not None}


def circumstances(material: Material) -> dict[str, str]:
    """What a bit-equal continuation needs to be the same: the data's index and sizes, our code, torch."""
    import torch

    from napari_restoration import __version__

    index = material.folder / "index.csv"
    data = hashlib.sha256(index.read_bytes() if index.is_file() else b"")
    pattern = "*.tif*" if material.kind == "index" else "*"
    for folder in material.folders():
        for path in sorted(one for one in folder.rglob(pattern) if one.is_file()):
            data.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}".encode())
    code = hashlib.sha256(__version__.encode())
    package = Path(__file__).parents[1]
    for part in ("training", "models/archs", "degradations"):
        for path in sorted((package / part).rglob("*.py")):
            code.update(path.read_bytes())
    return {
        "data": data.hexdigest()[:16],
        "code": code.hexdigest()[:16],
        "torch": str(torch.__version__),
    }


def changes(before: dict[str, str], now: dict[str, str]) -> str:
    """One sentence about what differs; empty if nothing does."""
    words = {"data": "the images", "code": "this program", "torch": "torch"}
    changed = [words[name] for name in words if name in before and before[name] != now[name]]
    if not changed:
        return ""
    return (
        f"Since this training was stopped {' and '.join(changed)} changed: it goes on, but not to the same bits as "
        "without the stop."
    )


def _file_hash(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); name the file of the weights."
        ) from error
    return digest.hexdigest()
