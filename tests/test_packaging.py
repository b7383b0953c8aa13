"""The package carries its manifest, sample data and weights whichever way it is installed."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

REPORT = """
import json, sys
from importlib.metadata import distribution, entry_points
from pathlib import Path
import napari_restoration
from npe2 import PluginManifest
package = Path(napari_restoration.__file__).parent
manifest = PluginManifest.from_distribution("napari-restoration")
samples = next(d for d in (package / "sample_data", package.parents[1] / "sample_data") if d.is_dir())
scripts = [e.value for e in entry_points(group="console_scripts", name="napari-restoration")]
print(json.dumps({
    "package": str(package),
    "version": distribution("napari-restoration").version,
    "manifest": json.loads(manifest.json(exclude_unset=True)),
    "samples": {p.relative_to(samples).as_posix(): p.stat().st_size
                for p in samples.rglob("*") if p.is_file()},
    "models": {p.relative_to(package).as_posix(): p.stat().st_size
               for p in (package / "models").rglob("*") if p.suffix in {".safetensors", ".json"}},
    "typed": (package / "py.typed").is_file(),
    "scripts": scripts,
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    # Our own metadata must be the installed one, not what lies about in the tree.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(target: str, source: Path, into: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into, cwd=source)
    (artefact,) = into.iterdir()
    return artefact


def environment_that_sees_the_suite(folder: Path, cwd: Path) -> Path:
    """A venv whose path ends with this suite's packages; the .pth files among them are not followed."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=cwd)
    purelib = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    Path(purelib, "suite.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def files_in(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}


def installed(python: Path, *what: str | Path, cwd: Path) -> dict:
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index",
        "--no-build-isolation", "--no-compile", "--ignore-installed", *what, cwd=cwd)  # fmt: skip
    return json.loads(run(python, "-c", REPORT, cwd=cwd))


@pytest.mark.timeout(120)
def test_wheel_sdist_and_editable_installs_carry_manifest_samples_and_weights(
    repository: Path, tmp_path: Path
) -> None:
    wheel = build("wheel", repository, tmp_path / "built-wheel")
    with tarfile.open(build("sdist", repository, tmp_path / "built-sdist")) as archive:
        # Debian 12's Python 3.11.2 has no filters yet; newer ones warn without one.
        filters = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path / "unpacked", **filters)
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel_from_sdist = build("wheel", unpacked, tmp_path / "built-wheel-from-sdist")

    reports = {}
    for name, what in {"wheel": [wheel], "sdist": [wheel_from_sdist], "editable": ["-e", repository]}.items():
        python = environment_that_sees_the_suite(tmp_path / name, cwd=tmp_path)
        reports[name] = installed(python, *what, cwd=tmp_path)
        home = repository / "src" if name == "editable" else python.parents[1]
        assert Path(reports[name].pop("package")).is_relative_to(home)

    assert reports["wheel"] == reports["sdist"] == reports["editable"]
    report = reports["wheel"]
    assert report["manifest"]["name"] == "napari-restoration"
    assert report["manifest"]["contributions"]["widgets"]
    assert report["scripts"] == ["napari_restoration.cli:main"]
    assert report["typed"]
    assert report["samples"] == files_in(repository / "sample_data")
    package = repository / "src" / "napari_restoration"
    assert report["models"] == {f"models/{name}": size for name, size in files_in(package / "models").items()
                                if name.endswith((".safetensors", ".json"))}  # fmt: skip
    assert any(name.endswith(".tif") for name in report["samples"])
    assert any(name.startswith("models/weights/") for name in report["models"])
