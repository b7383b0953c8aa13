"""The record of how a result came about, complete enough to make it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import metadata
from typing import Any, Self

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage

KEY = "napari_restoration"
"""Under this name the record rides in layer metadata, in JSON of TIFF files and in OME-Zarr attributes."""

VERSION = 1

_PACKAGES = (
    "napari-restoration",
    "numpy",
    "scipy",
    "scikit-image",
    "tifffile",
    "torch",
    "safetensors",
    "napari",
)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What was done to which pixels, with what.

    Parameters
    ----------
    task : str
        ``"deblur"``, ``"refocus"``, ``"superres"``, ``"denoise"`` or another command of the package.
    created_utc : str
        Time in ISO 8601.
    software : mapping
        Versions, see `software_versions`.
    device, precision : str
        Where and in which arithmetic the network ran.
    inputs : list of mapping
        For each: name, shape, dtype, axes, pixel_size_um, sha256 of the pixels.
    model : mapping
        id, arch, weights_sha256.
    settings : mapping
        All that replaying needs.
    normalization : list of mapping
        The statistics used for each plane or stack.
    seed : int, optional
        Where chance took part.
    parents : list of mapping
        Records of the inputs that were results themselves.
    notices : list of str
        What the user was told.
    result : mapping
        sha256 of the restored pixels, see `tasks.result_hash`; empty in records of earlier versions.
    version : int
        Of this format.
    extra : mapping
        Fields of a record that this version does not know; they are kept.
    """

    task: str
    created_utc: str = ""
    software: Mapping[str, Any] = field(default_factory=dict)
    device: str = ""
    precision: str = ""
    inputs: list[Mapping[str, Any]] = field(default_factory=list)
    model: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    normalization: list[Mapping[str, Any]] = field(default_factory=list)
    seed: int | None = None
    parents: list[Mapping[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    result: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary of the record, unknown fields of a read record included."""
        known = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        return {**self.extra, **known}

    @classmethod
    def from_dict(cls, record: Any) -> Self:
        """Check a dictionary and make it a record.

        Raises
        ------
        InputError
            Naming the field that is missing or wrong.
        """
        if not isinstance(record, Mapping):
            raise InputError(
                f"The provenance record is a {type(record).__name__}, not an object with fields."
            )
        if "task" not in record:
            raise InputError(
                "The provenance record lacks the field 'task': it was not written by napari-restoration."
            )
        for name, value in record.items():
            _check_field(str(name), value)
        known = {f.name for f in fields(cls)} - {"extra"}
        extra = {name: value for name, value in record.items() if name not in known}
        return cls(**{name: value for name, value in record.items() if name in known}, extra=extra)

    def to_json(self) -> str:
        """The record as JSON text."""
        return to_json(self.to_dict())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a record from JSON text.

        Raises
        ------
        InputError
            If the text is no JSON, or naming the field that is missing or wrong.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"The provenance record is not readable JSON ({error}).") from error
        return cls.from_dict(record)


def to_json(record: Mapping[str, Any]) -> str:
    """JSON text of a record; numpy numbers and arrays become plain ones, NaN and infinity become null.

    Parameters
    ----------
    record : mapping
        A record as `Provenance.to_dict` gives it, or any mapping of plain values.

    Returns
    -------
    str
        ASCII text on one line.
    """
    return json.dumps(_plain(record), allow_nan=False)


def describe_input(image: CalibratedImage, sha256: str) -> dict[str, Any]:
    """What a record keeps of an input, with the hash of the pixels that were read."""
    return {
        "name": image.name,
        "shape": list(image.shape),
        "dtype": str(image.dtype),
        "axes": image.axes,
        "pixel_size_um": dict(image.pixel_size_um),
        "sha256": sha256,
    }


def software_versions() -> dict[str, str]:
    """Versions of Python and of the packages a result depends on, as far as they are installed.

    Nothing is imported, so asking costs no loading of torch.

    Returns
    -------
    dict of str to str
        Name of the package to version.
    """
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


_TYPES: dict[str, tuple[type, ...]] = {
    "task": (str,),
    "created_utc": (str,),
    "software": (Mapping,),
    "device": (str,),
    "precision": (str,),
    "inputs": (list,),
    "model": (Mapping,),
    "settings": (Mapping,),
    "normalization": (list,),
    "seed": (int, type(None)),
    "parents": (list,),
    "notices": (list,),
    "result": (Mapping,),
    "version": (int,),
}

_ENTRY_TYPES: dict[str, type] = {
    "inputs": Mapping,
    "normalization": Mapping,
    "parents": Mapping,
    "notices": str,
}


def _check_field(name: str, value: Any) -> None:
    expected = _TYPES.get(name)
    if expected is None:
        return
    fits: bool = isinstance(value, expected) and not isinstance(value, bool)
    if not fits:
        raise InputError(
            f"The provenance record's field {name!r} is a {type(value).__name__}, expected {_in_words(expected)}."
        )
    entry = _ENTRY_TYPES.get(name)
    if entry is not None:
        for position, item in enumerate(value):
            if not isinstance(item, entry):
                raise InputError(
                    f"The provenance record's field {name!r} holds a {type(item).__name__} at position {position}, "
                    f"expected {_in_words((entry,))}."
                )
    if name == "version" and not 1 <= value <= VERSION:
        raise InputError(
            f"The provenance record's field 'version' is {value}, this program knows up to {VERSION}: "
            "update napari-restoration."
        )


def _in_words(types: tuple[type, ...]) -> str:
    names = {Mapping: "an object", list: "a list", str: "text", int: "a whole number", type(None): "null"}
    return " or ".join(names[kind] for kind in types)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)
