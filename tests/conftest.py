"""Quiet threads, real data where there are any, and nothing of the user's touched."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Both must be set before torch and napari are first imported. Spinning OpenMP threads collapse on busy cores.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
_SESSION_DIR = Path(tempfile.mkdtemp(prefix="napari-restoration-tests-"))
atexit.register(shutil.rmtree, _SESSION_DIR, ignore_errors=True)
os.environ["NAPARI_CONFIG"] = str(_SESSION_DIR / "napari-settings.yaml")
# The driver's compiled shaders may be shared by all tests: they save time and change nothing.
os.environ["MESA_SHADER_CACHE_DIR"] = str(_SESSION_DIR / "shaders")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def user_dirs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own in place of the user's data, cache, configuration and state folders."""
    folder = tmp_path_factory.mktemp("user")
    for kind in ("DATA", "CACHE", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(folder))  # platformdirs on Windows
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real test images; the test is skipped where there is none."""
    configured = os.environ.get("NAPARI_RESTORATION_DATA")
    folder = Path(configured) if configured else REPOSITORY.parent / "shared" / "data"
    if not (folder / "index.csv").is_file():
        pytest.skip("no real test images: set NAPARI_RESTORATION_DATA to their folder")
    return folder
