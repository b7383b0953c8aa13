"""Files that are whole or absent.

Everything the package writes goes through `atomic_path` or `atomic_folder`: to a temporary name beside the target,
flushed to the disk, renamed when it is complete. What a killed process left is removed by the next write there.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_restoration.core.errors import OutputError

_PREFIX = ".napari-restoration-"
_PORTS = {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
_RESERVED_NAMES = {"con", "prn", "aux", "nul"} | _PORTS  # of Windows
_LONGEST_NAME_BYTES = 120  # leaves room for a model's name and a suffix within the usual limit of 255
_MOST_SINGLE_FLUSHES = 1000
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def atomic_path(path: str | Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its name once it is whole.

    Parameters
    ----------
    path : path
        The file to be made. A link is followed.
    overwrite : bool
        Whether an existing file may be replaced. It survives until the new one is whole.

    Yields
    ------
    Path
        Where to write. Nothing is left of it if the block raises.

    Raises
    ------
    OutputError
        If the file exists and must not be replaced, its folder is missing or unwritable, or the disk is full.
    """
    target = Path(path).resolve()
    check_output(target, overwrite=overwrite)
    remove_leftovers(target.parent)
    temporary = _temporary_beside(target)
    try:
        with _disk_errors_named(target):
            yield temporary
            _flush_to_disk(temporary)
            _refuse_existing(target, overwrite)
            _rename(temporary, target)
            _flush_to_disk(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a new temporary folder beside `path` that takes its name once it is whole.

    As `atomic_path`; an old folder is moved aside before the new one takes its place, and back should that fail.
    """
    target = Path(path).resolve()
    check_output(target, overwrite=overwrite, folder=True)
    remove_leftovers(target.parent)
    temporary, old = _temporary_beside(target), _temporary_beside(target)
    try:
        with _disk_errors_named(target):
            temporary.mkdir()
            yield temporary
            _flush_folder_to_disk(temporary)
            _refuse_existing(target, overwrite)
            if target.exists():
                _rename(target, old)
            try:
                _rename(temporary, target)
            except (OSError, OutputError):
                if old.exists():
                    os.replace(old, target)
                raise
            _flush_to_disk(target.parent)
    finally:
        for leftover in (temporary, old):
            shutil.rmtree(leftover, ignore_errors=True)


def write_bytes_atomically(path: str | Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write a small file so that it is whole or absent; errors as from `atomic_path`.

    Parameters
    ----------
    path : path
        The file.
    data : bytes
        Its content.
    overwrite : bool
        Whether an existing file is replaced.
    """
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def check_output(
    path: str | Path,
    inputs: Iterable[str | Path] = (),
    overwrite: bool = False,
    *,
    nbytes: int = 0,
    folder: bool = False,
) -> None:
    """Refuse an output that could not be written, before any work is done.

    Parameters
    ----------
    path : path
        The output.
    inputs : iterable of path
        Files that are read; an output that is one of them is refused even with `overwrite`.
    overwrite : bool
        Whether an existing output may be replaced.
    nbytes : int
        Estimated size of the output, held against the free space of its disk.
    folder : bool
        Whether the output is a folder (OME-Zarr).

    Raises
    ------
    OutputError
        One sentence with the fix.
    """
    path = Path(path)
    for source in inputs:
        if _is_same(path, Path(source)):
            raise OutputError(
                f"{path} is the input itself, and inputs are never changed: choose another name for the output."
            )
    if path.is_dir() and not folder:
        raise OutputError(f"{path} is a folder: give the name of a file in it.")
    if folder and path.is_file():
        raise OutputError(f"{path} is a file, but the output is a folder: choose another name.")
    _refuse_existing(path, overwrite)
    parent = path.resolve().parent
    if not parent.is_dir():
        raise OutputError(
            f"{path} cannot be written: there is no folder {parent}; create it or choose another one."
        )
    _check_writable(path, parent)
    free = shutil.disk_usage(parent).free
    if nbytes > free:
        raise OutputError(
            f"{path} needs about {_in_words(nbytes)}, but only {_in_words(free)} are free on its disk: "
            "make room or choose another disk."
        )


def safe_file_name(name: str) -> str:
    """Make a layer's or image's name a file name that every system accepts.

    Parameters
    ----------
    name : str
        Any text, without a suffix that must survive shortening.

    Returns
    -------
    str
        At most 120 bytes, without separators, control characters or characters that Windows refuses;
        ``"image"`` if nothing is left.
    """
    text = unicodedata.normalize("NFC", str(name))
    text = re.sub(
        r'[\\/:*?"<>|]', "_", "".join(c if unicodedata.category(c)[0] != "C" else "_" for c in text)
    )
    text = text.encode("utf-8")[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore").strip(" .")
    if text.split(".")[0].strip().lower() in _RESERVED_NAMES:
        text = f"_{text}"
    return text or "image"


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of processes of this computer that no longer live.

    Parameters
    ----------
    folder : Path
        Where to look, not below.
    """
    with suppress(OSError):
        for entry in list(folder.glob(f"{_PREFIX}{_this_computer()}-*")):
            pid = entry.name.removeprefix(f"{_PREFIX}{_this_computer()}-").split("-")[0]
            if pid.isdigit() and not _is_alive(int(pid)):
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)


def _temporary_beside(target: Path) -> Path:
    suffix = "".join(target.suffixes[-2:])[-20:]
    return target.with_name(f"{_PREFIX}{_this_computer()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{suffix}")


def _this_computer() -> str:
    # A folder may be shared over the network, where another computer's process is not seen from here.
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_alive(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))


def _rename(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except PermissionError as error:  # on Windows also where a program has the old file open
        raise OutputError(
            f"{target} cannot be replaced ({error.strerror}): close the program that has it open, or choose another "
            "name."
        ) from error


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(path):
        raise OutputError(f"{path} exists: choose another name or allow replacing it (--overwrite).")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def _check_writable(path: Path, parent: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=parent, prefix=_PREFIX):
            pass
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: folder {parent} does not take files ({error.strerror}); choose another one."
        ) from error


@contextmanager
def _disk_errors_named(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise OutputError(
                f"{target} could not be written: {error.strerror}. Nothing was left behind; make room and try again."
            ) from error
        raise


def _flush_to_disk(path: Path) -> None:
    if path.is_dir() and sys.platform == "win32":
        return  # Windows does not open folders, and needs no flush of them
    descriptor = os.open(path, os.O_RDWR if not path.is_dir() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot flush a folder; the rename itself has happened.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.EACCES, errno.EPERM)):
            raise
    finally:
        os.close(descriptor)


def _flush_folder_to_disk(folder: Path) -> None:
    files = [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
    if len(files) > _MOST_SINGLE_FLUSHES and hasattr(os, "sync"):
        os.sync()  # one flush of everything is quicker than one for each of very many chunks
    else:
        for file in files:
            _flush_to_disk(file)


def _in_words(nbytes: int) -> str:
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 1e8 else f"{nbytes / 1e6:.1f} MB"
