import json
import subprocess
import sys

import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.io import read_image
from napari_restoration.tasks import samples

SCALES = {"deblur": 1, "refocus": 1, "superres": 2, "denoise": 1}


def test_there_is_one_sample_for_each_task():
    assert [sample.task for sample in samples.list_samples()] == list(SCALES)


@pytest.mark.parametrize("key", SCALES)
def test_a_sample_and_its_truth_show_the_same_field(key):
    sample = samples.find_sample(key)
    degraded, truth = read_image(sample.path), read_image(sample.truth_path)
    scale = SCALES[key]
    assert truth.axes == degraded.axes
    assert truth.shape == (*degraded.shape[:-2], degraded.shape[-2] * scale, degraded.shape[-1] * scale)
    for axis in "YX":
        assert degraded.pixel_size_um[axis] == pytest.approx(truth.pixel_size_um[axis] * scale)
        assert 0 < degraded.pixel_size_um[axis] < 1
    reduced = np.asarray(truth.data).astype(float)
    reduced = reduced.reshape(*reduced.shape[:-2], degraded.shape[-2], scale, degraded.shape[-1], scale).mean(
        (-3, -1)
    )
    assert np.corrcoef(np.asarray(degraded.data).ravel(), reduced.ravel())[0, 1] > 0.5
    assert np.asarray(degraded.data).mean() == pytest.approx(reduced.mean(), rel=0.02)


@pytest.mark.parametrize("sample", samples.list_samples(), ids=lambda sample: sample.key)
def test_a_sample_says_that_it_is_simulated(sample):
    assert "Simulated" in sample.description
    assert b"Simulated by napari-restoration" in sample.path.read_bytes().replace(b"\x00", b"")


def test_the_samples_are_small(repository):
    assert sum(path.stat().st_size for path in (repository / "sample_data").iterdir()) <= 3_000_000


def test_an_unknown_sample_is_named_with_the_known_ones():
    with pytest.raises(InputError, match="no sample 'sharpen'; choose one of deblur, refocus"):
        samples.find_sample("sharpen")


def test_the_files_of_a_sample_are_found():
    degraded, truth = samples.sample_paths("denoise")
    assert (degraded.name, truth.name) == ("denoise_input.tif", "denoise_truth.tif")


def test_an_installation_without_samples_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(samples, "__file__", str(tmp_path / "package" / "tasks" / "samples.py"))
    with pytest.raises(InputError, match="sample data are missing"):
        samples.sample_dir()


def test_every_file_of_the_list_is_there(repository):
    entries = json.loads((repository / "sample_data" / "samples.json").read_text(encoding="utf-8"))
    for entry in entries:
        for name in (entry["input"], entry["truth"]):
            assert (repository / "sample_data" / name).is_file()


def test_listing_the_samples_loads_no_torch():
    code = (
        "import sys; from napari_restoration.tasks.samples import list_samples; list_samples(); "
        "sys.exit('torch' in sys.modules or 'napari' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
