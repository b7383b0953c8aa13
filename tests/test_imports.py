"""What importing the package costs, and which way its modules may know each other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "napari._qt", "scipy.signal", "dask", "pandas", "zarr", "cv2")


def modules_loaded_by(statements: str, tmp_path: Path) -> set[str]:
    code = f"{statements}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    environment = {**os.environ, "NAPARI_CONFIG": str(tmp_path / "settings.yaml")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["napari_restoration", "napari_restoration.cli"])
def test_the_package_and_its_command_line_load_nothing_heavy(module: str, tmp_path: Path) -> None:
    loaded = modules_loaded_by(f"import {module}", tmp_path)
    assert module in loaded
    assert not loaded & {*HEAVY, "napari", "qtpy", "skimage", "tifffile"}


def test_the_modules_behind_the_menus_do_not_load_torch(repository: Path, tmp_path: Path) -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(repository / "napari.yaml")
    modules = {c.python_name.split(":")[0] for c in manifest.contributions.commands or [] if c.python_name}
    folder = repository / "src" / "napari_restoration" / "gui"
    modules |= {f"napari_restoration.gui.{p.stem}" for p in folder.glob("*.py") if p.stem != "__init__"}
    assert modules
    loaded = modules_loaded_by("\n".join(f"import {module}" for module in sorted(modules)), tmp_path)
    assert modules <= loaded
    assert not loaded & {"torch", "scipy.signal", "dask", "pandas", "zarr", "cv2"}


def test_every_public_name_is_found_where_the_package_says(repository: Path) -> None:
    import napari_restoration

    for name in napari_restoration.__all__:
        assert getattr(napari_restoration, name) is not None
    assert set(napari_restoration.__all__) <= set(dir(napari_restoration))
    with pytest.raises(AttributeError, match="no_such_name"):
        napari_restoration.no_such_name  # noqa: B018


def test_imports_point_one_way(repository: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_source_files_stay_under_300_lines_and_functions_under_60(repository: Path) -> None:
    import ast

    too_long = []
    for path in (repository / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 300:
            too_long.append(f"{path.name}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                lines = (node.end_lineno or 0) - first.lineno + 1  # a long docstring is no fault
                if lines > 60:
                    too_long.append(f"{path.name}: {node.name} has {lines} lines")
    assert not too_long
