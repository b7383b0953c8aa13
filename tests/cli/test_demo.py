import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_restoration.cli import demo, main
from napari_restoration.core.io import read_image
from napari_restoration.models import registry
from napari_restoration.models.card import ModelCard


@pytest.fixture(autouse=True)
def default_is_tiny(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever models are shipped, the default one is the tiny one."""
    find_card = registry.find_card

    def find(model: str | Path) -> tuple[ModelCard, Path]:
        return find_card(model_folder if model == "tiny" else model)

    from napari_restoration.models import loader
    from napari_restoration.tasks import prepare

    monkeypatch.setattr(prepare, "default_model", lambda task: "tiny")
    for module in (prepare, loader):
        monkeypatch.setattr(module, "find_card", find)


def test_headless_it_writes_the_restored_stack_and_a_picture_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    folder = tmp_path / "out"
    assert main(["demo", "--headless", "--task", "denoise", "-o", str(folder)]) == 0
    restored, picture = folder / "denoise_sample_restored.tif", folder / "denoise_sample_before_after.png"
    said = capsys.readouterr().err
    assert str(restored) in said
    assert str(picture) in said
    assert "PSNR" in said
    image = read_image(restored)
    assert image.pixel_size_um
    assert np.isfinite(np.asarray(image.data)).all()
    with Image.open(picture) as drawn:
        assert drawn.format == "PNG"
        assert min(drawn.size) > 400
    assert sorted(folder.iterdir()) == [picture, restored]


def test_files_of_an_earlier_demo_are_replaced_only_when_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["demo", "--headless", "--task", "denoise", "-o", str(tmp_path)]
    (tmp_path / "denoise_sample_before_after.png").write_bytes(b"mine")
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]
    assert main([*arguments, "--overwrite"]) == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_folder_it_makes_a_new_one_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["demo", "--headless", "--task", "denoise"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "napari-restoration-demo",
        "napari-restoration-demo-2",
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there always is a display")
def test_without_a_display_it_goes_on_headless_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["demo", "--task", "denoise", "-o", str(tmp_path)]) == 0
    assert "no display" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names a display of X11")
def test_a_display_that_does_not_answer_is_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "display" in (demo._window_problem() or "")


def test_with_a_display_it_opens_napari(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr(demo, "_window_problem", lambda: None)
    monkeypatch.setitem(sys.modules, "napari_restoration.gui.demo", SimpleNamespace(open_demo=opened.append))
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--task", "superres"]) == 0
    assert opened == ["superres"]
    assert not list(tmp_path.iterdir())


def test_without_a_model_it_says_so_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from napari_restoration.core.errors import ModelError
    from napari_restoration.tasks import prepare

    def no_model(task: str) -> str:
        raise ModelError(f"There is no model for {task}.")

    monkeypatch.setattr(prepare, "default_model", no_model)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--headless"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
