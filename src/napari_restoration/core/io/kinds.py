"""What a file is, by its contents, and which file a name asks for."""

from __future__ import annotations

from pathlib import Path

from napari_restoration.core.errors import InputError, OutputError

READABLE = "TIFF, OME-Zarr, PNG, JPEG and npy"
WRITABLE = ".ome.tif, .tif, .ome.zarr, .npy and .png"

_SUFFIX_KINDS = {
    ".tif": "tiff",
    ".tiff": "tiff",
    ".btf": "tiff",
    ".tf2": "tiff",
    ".tf8": "tiff",
    ".lsm": "tiff",
    ".stk": "tiff",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".npy": "npy",
}

_NAMES = {"tiff": "a TIFF", "png": "a PNG image", "jpeg": "a JPEG image", "npy": "a numpy .npy file"}

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x93NUMPY", "npy"),
)

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"ZISRAWFILE", "a Zeiss CZI file"),
    (b"\xda\xce\xbe\x0a", "a Nikon ND2 file"),
    (b"p\x00\x00\x00", "a Leica LIF file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
)


def kind_of(path: Path) -> str:
    """Find out what an input is.

    Parameters
    ----------
    path : Path
        A file, or the folder of a Zarr.

    Returns
    -------
    str
        ``"tiff"``, ``"png"``, ``"jpeg"``, ``"npy"`` or ``"zarr"``.

    Raises
    ------
    InputError
        If it is missing, empty, of no readable kind, or named like another kind than it is.
    """
    if path.is_dir():
        if any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray", ".zattrs")):
            return "zarr"
        raise InputError(f"{path} is a folder that holds no Zarr: name an image file.")
    try:
        with open(path, "rb") as file:
            start = file.read(64)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: check the name and the folder.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if not start:
        raise InputError(f"{path} is empty (0 bytes): copy it again from its source.")
    kind = next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)
    if kind is None:
        raise InputError(f"{path} is {_foreign_name(start)}, not an image that can be read ({READABLE}).")
    named = _SUFFIX_KINDS.get(path.suffix.lower())
    if named not in (None, kind):
        right = "tif" if kind == "tiff" else kind
        raise InputError(f"{path} is {_NAMES[kind]} in spite of its name: rename it to {path.stem}.{right}.")
    return kind


def output_format(path: str | Path) -> str:
    """Which format a name asks for.

    Parameters
    ----------
    path : path
        The output.

    Returns
    -------
    str
        ``"ome-tiff"``, ``"tiff"``, ``"ome-zarr"``, ``"npy"`` or ``"png"``.

    Raises
    ------
    OutputError
        If the suffix is none of the writable ones.
    """
    name = Path(path).name.lower()
    for suffix, kind in (
        (".ome.tif", "ome-tiff"),
        (".ome.tiff", "ome-tiff"),
        (".tif", "tiff"),
        (".tiff", "tiff"),
        (".zarr", "ome-zarr"),
        (".npy", "npy"),
        (".png", "png"),
    ):
        if name.endswith(suffix) and len(name) > len(suffix):
            return kind
    raise OutputError(f"{path} does not say in which format to write: end the name in one of {WRITABLE}.")


def _foreign_name(start: bytes) -> str:
    for magic, name in _FOREIGN:
        if start.startswith(magic):
            return name
    if b"\x00" not in start:
        try:
            start.decode("utf-8")
        except UnicodeDecodeError as error:
            # A character cut in half at the end of the first bytes is still text.
            if error.start < len(start) - 4:
                return "of an unknown kind"
        return "text"
    return "of an unknown kind"
