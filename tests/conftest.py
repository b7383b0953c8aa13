"""Quiet threads, real data where there are any, and nothing of the user's touched."""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def use_folder(
    folder: Path, environment: MutableMapping[str, str], kinds: str = "DATA CACHE CONFIG STATE"
) -> None:
    """Make platformdirs find the user's folders of these kinds inside ``folder``."""
    for kind in kinds.split():
        environment[f"XDG_{kind}_HOME"] = str(folder / kind.lower())
    environment["WIN_PD_OVERRIDE_LOCAL_APPDATA"] = str(folder)


# All of this must stand before torch and napari are first imported.
_SESSION_DIR = Path(tempfile.mkdtemp(prefix="napari-restoration-tests-"))
atexit.register(shutil.rmtree, _SESSION_DIR, ignore_errors=True)
use_folder(_SESSION_DIR, os.environ)
os.environ["NAPARI_CONFIG"] = str(_SESSION_DIR / "napari-settings.yaml")
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # spinning threads collapse on busy cores
# A shell starts what runs in its background with SIGINT ignored, and tests of interruptions send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def user_dirs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own in place of the user's, so that no test finds what another left behind.

    Tests with a window share one cache: napari draws its icons into it when it is imported.
    """
    has_window = "qtbot" in request.fixturenames
    own: dict[str, str] = {}
    use_folder(tmp_path / "user", own, "DATA CONFIG STATE" if has_window else "DATA CACHE CONFIG STATE")
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "user"


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
