"""Files are whole or absent, and outputs are refused before the work."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_restoration.core import files
from napari_restoration.core.errors import OutputError
from napari_restoration.core.files import (
    atomic_folder,
    atomic_path,
    check_output,
    remove_leftovers,
    safe_file_name,
    write_bytes_atomically,
)


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def write_until(error: BaseException, target: Path) -> None:
    with atomic_path(target, overwrite=True) as temporary:
        temporary.write_bytes(b"half")
        raise error


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "result.bin"
    with atomic_path(target, overwrite=False) as temporary:
        temporary.write_bytes(b"whole")
        assert not target.exists()
        assert temporary.parent == tmp_path
    assert target.read_bytes() == b"whole"
    assert names_in(tmp_path) == {"result.bin"}


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), GeneratorExit()])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "result.bin"
    target.write_bytes(b"old")
    with pytest.raises(type(error)):
        write_until(error, target)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == {"result.bin"}


def test_an_existing_file_is_refused_with_the_fix(tmp_path: Path) -> None:
    target = tmp_path / "result.bin"
    target.write_bytes(b"old")
    with (
        pytest.raises(OutputError, match=r"result\.bin exists: .*--overwrite"),
        atomic_path(target, overwrite=False),
    ):
        pytest.fail("the block must not run")


def test_a_file_made_meanwhile_by_another_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "result.bin"

    def write_beside_another() -> None:
        with atomic_path(target, overwrite=False) as temporary:
            temporary.write_bytes(b"mine")
            target.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="exists"):
        write_beside_another()
    assert target.read_bytes() == b"theirs"


def test_a_full_disk_is_an_error_with_the_fix_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "result.bin"
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"result\.bin could not be written.*make room"):
        write_until(OSError(errno.ENOSPC, "No space left on device"), target)
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == {"result.bin"}


def test_another_error_of_the_system_keeps_its_type(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        write_until(ConnectionResetError(errno.ECONNRESET, "gone"), tmp_path / "a")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.bin").symlink_to(tmp_path / "real" / "file.bin")
    write_bytes_atomically(tmp_path / "link.bin", b"new")
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "real" / "file.bin").read_bytes() == b"new"


def test_leftovers_of_dead_processes_are_removed_by_the_next_write(tmp_path: Path) -> None:
    code = (
        "import os, sys; from napari_restoration.core.files import atomic_path\n"
        "with atomic_path(sys.argv[1], overwrite=False) as path:\n"
        "    path.write_bytes(b'half'); os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "killed.bin")], check=False)
    assert done.returncode == 9
    assert len(names_in(tmp_path)) == 1
    write_bytes_atomically(tmp_path / "other.bin", b"whole")
    assert names_in(tmp_path) == {"other.bin"}


def test_leftovers_of_living_processes_and_other_computers_stay(tmp_path: Path, monkeypatch) -> None:
    with atomic_path(tmp_path / "mine.bin", overwrite=False) as temporary:
        temporary.write_bytes(b"half")
        elsewhere = tmp_path / temporary.name.replace(files._this_computer(), "0" * 8).replace(
            f"-{os.getpid()}-", "-999999999-"
        )
        elsewhere.write_bytes(b"half")
        remove_leftovers(tmp_path)
        assert temporary.exists()
        assert elsewhere.exists()


def test_a_folder_appears_whole_and_replaces_an_old_one(tmp_path: Path) -> None:
    target = tmp_path / "result.zarr"
    for content in (b"one", b"two"):
        with atomic_folder(target, overwrite=content == b"two") as temporary:
            (temporary / "a").mkdir()
            (temporary / "a" / "chunk").write_bytes(content)
        assert (target / "a" / "chunk").read_bytes() == content
    assert names_in(tmp_path) == {"result.zarr"}


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "result.zarr"
    target.mkdir()
    (target / "old").write_bytes(b"old")

    def fail() -> None:
        with atomic_folder(target, overwrite=True) as temporary:
            (temporary / "chunk").write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names_in(target) == {"old"}
    assert names_in(tmp_path) == {"result.zarr"}


def test_an_old_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "result.zarr"
    target.mkdir()
    (target / "old").write_bytes(b"old")
    real = os.replace

    def fail_for_new(source: Path, destination: Path) -> None:
        if Path(source, "chunk").exists():
            raise OSError(errno.EIO, "Input/output error")
        real(source, destination)

    monkeypatch.setattr(os, "replace", fail_for_new)
    with pytest.raises(OSError, match="Input/output"), atomic_folder(target, overwrite=True) as temporary:
        (temporary / "chunk").write_bytes(b"new")
    assert names_in(target) == {"old"}


def test_a_file_that_is_held_open_elsewhere_is_named(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match="close the program that has it open"):
        write_bytes_atomically(tmp_path / "a.bin", b"new")
    assert names_in(tmp_path) == set()


def test_the_input_is_refused_as_output_even_with_overwrite(tmp_path: Path) -> None:
    source = tmp_path / "image.tif"
    source.write_bytes(b"pixels")
    with pytest.raises(OutputError, match="the input itself"):
        check_output(tmp_path / "." / "image.tif", [source], overwrite=True)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_the_input_is_refused_as_output(tmp_path: Path) -> None:
    source = tmp_path / "image.tif"
    source.write_bytes(b"pixels")
    (tmp_path / "alias.tif").symlink_to(source)
    with pytest.raises(OutputError, match="the input itself"):
        check_output(tmp_path / "alias.tif", [source], overwrite=True)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no folder .*missing; create it"):
        check_output(tmp_path / "missing" / "a.tif")


def test_a_folder_that_takes_no_files_is_named(tmp_path: Path, monkeypatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"does not take files .*Permission denied"):
        check_output(tmp_path / "a.tif")


def test_a_folder_is_refused_as_a_file_and_a_file_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    (tmp_path / "a.zarr").write_bytes(b"x")
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path / "a.tif", overwrite=True)
    with pytest.raises(OutputError, match="is a file"):
        check_output(tmp_path / "a.zarr", overwrite=True, folder=True)


def test_too_little_room_is_refused_with_both_figures(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000_000))
    check_output(tmp_path / "a.tif", nbytes=5_000_000_000)
    with pytest.raises(OutputError, match=r"about 7\.0 GB, but only 5\.0 GB are free"):
        check_output(tmp_path / "a.tif", nbytes=7_000_000_000)


def test_checking_an_output_leaves_no_trace(tmp_path: Path) -> None:
    check_output(tmp_path / "a.tif", nbytes=1)
    assert names_in(tmp_path) == set()


@given(st.text(max_size=400))
def test_every_name_becomes_a_file_name(name: str) -> None:
    safe = safe_file_name(name)
    assert 0 < len(safe.encode()) <= 121
    assert not set(safe) & set('\\/:*?"<>|\0\n')
    assert safe == safe.strip(" .")
    assert safe_file_name(safe) == safe


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cells [deblur]", "cells [deblur]"),
        ("a/b\\c", "a_b_c"),
        ("🔬 zellen µm", "🔬 zellen µm"),
        ("", "image"),
        ("...", "image"),
        ("nul", "_nul"),
        ("x" * 300, "x" * 120),
    ],
)
def test_known_names(name: str, expected: str) -> None:
    assert safe_file_name(name) == expected


def test_a_file_with_a_safe_name_can_be_made(tmp_path: Path) -> None:
    write_bytes_atomically(tmp_path / safe_file_name("🔬/µ" * 90), b"x")
    assert len(names_in(tmp_path)) == 1
