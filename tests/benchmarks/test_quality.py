import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def benchmarks_are_importable(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository))


@pytest.fixture
def examples():
    from benchmarks.quality.cases import Camera, Example

    rng = np.random.default_rng(3)
    y, x = np.mgrid[:64, :64]
    camera = Camera(gain=0.5, offset=100, read_noise=1.5)
    made = []
    for level, photons in (("mild", 200), ("hard", 20)):
        for index in range(2):
            truth = photons * (1 + np.sin(x / (4 + index)) * np.cos(y / 6))
            electrons = rng.poisson(truth) + rng.normal(0, camera.read_noise, truth.shape)
            made.append(
                Example(
                    task="denoise",
                    level=level,
                    name=f"image{index}",
                    kind="val",
                    input=electrons / camera.gain + camera.offset,
                    target=truth / camera.gain + camera.offset,
                    psf=np.ones((1, 1, 1)),
                    camera=camera,
                )
            )
    return made


@pytest.fixture
def scores(examples):
    """The input, two tuned baselines, and the truth in place of a model's result."""
    from benchmarks.quality.baselines import methods_for, tune
    from benchmarks.quality.scores import score_example

    methods = [method for method in methods_for("denoise") if method.name in ("Gaussian", "unsharp mask")]
    made = []
    for example in examples:
        made.append(score_example(example, example.input, role="input", method="input"))
        made.append(score_example(example, example.target + 0.1, role="model", method="perfect"))
        for method in methods:
            settings, _ = tune(method, [example])
            restored = method(example, settings)
            made.append(
                score_example(example, restored, role="baseline", method=method.name, settings=settings)
            )
    return made


def test_the_report_names_the_best_baseline_and_counts_wins(scores):
    from benchmarks.quality.report import markdown

    row = next(line for line in markdown(scores, "the command").splitlines() if "| all |" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:4] == ["val", "all", "4", "**perfect**"]
    assert cells[6].endswith(" Gaussian")
    assert cells[8] == "4/4"


def test_scores_survive_their_file(scores, tmp_path):
    from benchmarks.quality.scores import read_scores, write_scores

    write_scores(tmp_path / "scores.csv", scores)
    again = read_scores(tmp_path / "scores.csv")
    assert [(s.file, s.method, s.settings) for s in again] == [(s.file, s.method, s.settings) for s in scores]
    assert [s.values["psnr"] for s in again] == pytest.approx([s.values["psnr"] for s in scores], rel=1e-4)


def test_cards_receive_the_model_beside_the_best_baseline(scores, tmp_path):
    from benchmarks.quality.cards import update_cards

    cards = tmp_path / "cards.json"
    cards.write_text(
        json.dumps({"version": 1, "models": [{"id": "perfect", "scores": {}}, {"id": "other", "scores": {}}]})
    )
    assert update_cards(scores, "the command", cards) == ["perfect"]
    perfect, other = json.loads(cards.read_text())["models"]
    assert perfect["scores"]["val"]["hard"]["psnr"]["best_baseline_name"] == "Gaussian"
    assert perfect["scores"]["val"]["all"]["psnr"]["wins_over_baseline"] == 4
    assert other["scores"] == {}


def test_tuning_finds_the_settings_with_the_best_mean(examples):
    from benchmarks.quality.baselines import methods_for, tune

    gaussian = methods_for("denoise")[0]
    settings, best = tune(gaussian, examples)
    for choice in gaussian.choices():
        from napari_restoration.core import metrics

        values = [metrics.psnr(gaussian(e, choice), e.target, data_range=e.data_range) for e in examples]
        assert np.mean(values) <= best + 1e-9
    assert settings in list(gaussian.choices())


def test_richardson_lucy_undoes_a_blur_and_keeps_a_constant():
    from scipy import ndimage

    from napari_restoration.models.classical.richardson_lucy import RichardsonLucy

    kernel = np.outer(*[np.exp(-(np.arange(-6, 7) ** 2) / 8)] * 2)
    kernel /= kernel.sum()
    truth = np.full((48, 48), 10.0)
    truth[20:24, 10:40] = 100
    blurred = ndimage.convolve(truth, kernel, mode="reflect")
    restored = RichardsonLucy(blurred[None], kernel[None]).after(30)
    assert np.mean((restored - truth) ** 2) < 0.5 * np.mean((blurred - truth) ** 2)
    constant = RichardsonLucy(np.full((2, 20, 20), 7.0), np.stack([kernel, kernel])).after(10)
    np.testing.assert_allclose(constant, 7, rtol=1e-5)


def test_richardson_lucy_on_a_finer_grid_stays_consistent_with_the_measurement():
    from napari_restoration.models.classical.richardson_lucy import RichardsonLucy

    truth = np.full((40, 48), 5.0)
    truth[12:17, 20:23] = 100
    measured = truth.reshape(20, 2, 24, 2).mean((1, 3))
    restored = RichardsonLucy(measured[None], np.ones((1, 1, 1)), factor=2).after(5)
    assert restored.shape == truth.shape
    np.testing.assert_allclose(restored.reshape(20, 2, 24, 2).mean((1, 3)), measured, rtol=1e-5)


def test_stabilised_noise_has_unit_variance_and_the_way_back_has_no_bias():
    from benchmarks.quality.baselines import stabilise, unstabilise
    from benchmarks.quality.cases import Camera

    rng, camera = np.random.default_rng(0), Camera(gain=0.5, offset=100, read_noise=1.5)
    for electrons in (5, 50):
        noisy = rng.poisson(electrons, (300, 300)) + rng.normal(0, camera.read_noise, (300, 300))
        flat = stabilise(noisy / camera.gain + camera.offset, camera)
        assert np.std(flat) == pytest.approx(1, abs=0.07)
        back = unstabilise(np.array([[flat.mean()]]), camera)
        assert back[0, 0] == pytest.approx(electrons / camera.gain + camera.offset, abs=0.3)


def test_registration_brings_moved_frames_together(examples):
    import dataclasses

    from benchmarks.quality.baselines import frame_mean
    from scipy import ndimage

    frame = examples[0].target
    moved = np.stack([ndimage.shift(frame, (d, -d), order=3, mode="reflect") for d in (-1.6, 0.0, 2.3)])
    burst = dataclasses.replace(examples[0], input=moved)
    inner = (slice(8, -8), slice(8, -8))
    assert np.abs(frame_mean(burst, registered=True) - frame)[inner].max() < 0.05 * np.ptp(frame)


def test_a_strip_shows_every_panel_under_one_grey_scale(examples):
    from benchmarks.quality.pictures import strip

    picture = strip(
        [("input", examples[0].input), ("truth", examples[0].target)], examples[0].target, side=64
    )
    assert picture.width == 2 * 64 + 6
    assert picture.getextrema() == (0, 255)


@pytest.mark.parametrize("task", ["denoise", "refocus", "superres", "deblur"])
def test_every_method_of_a_task_returns_a_plane_on_the_grid_of_the_truth(task, examples):
    import dataclasses

    from benchmarks.quality.baselines import methods_for

    example = dataclasses.replace(examples[0], task=task)
    if task == "deblur":
        example = dataclasses.replace(
            example, input=np.stack([example.input] * 3), psf=np.ones((3, 3, 3)) / 9
        )
    if task == "superres":
        example = dataclasses.replace(example, input=example.input[::2, ::2])
    for method in methods_for(task):
        restored = method(example, next(iter(method.choices())))
        assert restored.shape == example.target.shape, method.name
        assert np.isfinite(restored).all(), method.name


def test_the_cards_of_classical_methods_say_what_was_measured(tmp_path):
    from benchmarks.quality import classical
    from benchmarks.quality.scores import read_scores

    from napari_restoration.models.classical.catalogue import METHODS, SCORES, classical_cards

    folder = Path(classical.__file__).parent
    tables = [read_scores(folder / name) for name in ("classical.csv", "baselines.csv")]
    classical.write_cards(*tables, tmp_path / "scores.json")
    assert (tmp_path / "scores.json").read_text() == SCORES.read_text()
    assert {score.method for score in tables[0]} == set(METHODS)
    assert all(card.scores["val"]["all"]["psnr"]["model"] > 20 for card in classical_cards())
