"""What re-application and adaptation to the image do to the shipped models' scores; writes ``benchmarks/passes.md``.

    python -m benchmarks.passes [--data ../shared/data] [--every N] [--out benchmarks/passes.md]

Every score is PSNR (dB) in the truth's own range on the cases of ``benchmarks/quality``; of real pairs after the
best gain and offset, as input and truth are not on one scale.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.quality.__main__ import plain_input
from benchmarks.quality.cases import LEVELS, REAL_PAIRS, Example, Plane, degraded, real

from napari_restoration.core import metrics
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.normalize import measure
from napari_restoration.core.progress import Task, run
from napari_restoration.models.any_model import load_model
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.settings import MOST_PASSES, RestoreSettings

OUTPUT = Path(__file__).with_suffix(".md")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REPEATED = {"denoise": "denoise-care", "refocus": "refocus-c2f"}
ADAPTED = {"refocus": "refocus-c2f", "deblur": "deblur-burst"}
READING = "## What this says"
_SPOT = slice(100, 118)  # 18 x 18 px of 256 x 256: more than the 0.2 % above the upper percentile
Row = list[str]
Change = Callable[[Example], Example]


def main() -> None:
    """Measure and write the tables; what was written below them by hand stays."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.passes", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--every", type=int, default=6, help="adapt to every N-th case of each level")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    options = parser.parse_args()
    started = time.monotonic()
    sets = {task: case_sets(task, options.data) for task in {*REPEATED, *ADAPTED}}
    few = {task: {title: cases[:: options.every] for title, cases in sets[task].items()} for task in ADAPTED}
    parts = [
        "# Re-application and adaptation\n",
        f"Command: `python -m benchmarks.passes --every {options.every}` ({platform.machine()}, CPU)\n",
        "PSNR in dB, mean over n images; in brackets the images that are better than after one pass, or than "
        "without adaptation. Real pairs: after the best gain and offset.\n",
        "## The network applied to its own result\n",
        table(
            ["model", "images", "n", "input", "1 pass", "2", "3", "2, scale kept", "3, scale kept"],
            repeated_rows(sets),
        ),
        "## Tiles against the whole plane\n",
        table(
            [
                "model",
                "passes",
                "largest difference",
                "tiles",
                "preparing (s)",
                "run (s)",
                "run, wide halo (s)",
            ],
            tile_rows(),
        ),
        "## Adapted to the image\n",
        table(["model", "images", "change", "n", "input", "as shipped", "adapted"], adapted_rows(few)),
    ]
    old = options.out.read_text(encoding="utf-8") if options.out.is_file() else ""
    reading = old[old.index(READING) :] if READING in old else f"{READING}\n"
    text = "\n".join([*parts, f"All in {(time.monotonic() - started) / 60:.0f} minutes.\n", reading])
    options.out.write_text(text, encoding="utf-8")


def case_sets(task: str, data: Path) -> dict[str, list[Example]]:
    """Validation cases by level, then real pairs where a task has them."""
    cases = degraded(task, data)
    sets = {f"val {level}": [one for one in cases if one.level == level] for level in LEVELS}
    for pairs in REAL_PAIRS:
        if pairs.task == task:
            sets[f"{pairs.folder} ({pairs.use})"] = real(pairs, data)
    return sets


def repeated_rows(sets: dict[str, dict[str, list[Example]]]) -> Iterator[Row]:
    """Scores after each pass: as the engine normalises, and on the scale of the input throughout."""
    for task, name in REPEATED.items():
        model = load_model(name, "cpu")
        for title, cases in sets[task].items():
            scores = [
                [
                    score(plain_input(case), case),
                    *(score(_restored(case, model, passes=n), case) for n in range(1, MOST_PASSES + 1)),
                    *(score(plane, case) for plane in _scale_kept(case.input, model)),
                ]
                for case in cases
            ]
            yield [name, title, str(len(cases)), *_means(scores, judged=range(2, 6), against=1)]


def adapted_rows(sets: dict[str, dict[str, list[Example]]]) -> Iterator[Row]:
    """Scores without and with adaptation, on images as they are and with their intensities changed."""
    for task, name in ADAPTED.items():
        model = load_model(name, "cpu")
        for title, cases in sets[task].items():
            for change, changed in changes().items() if title == "val medium" else [("none", _same)]:
                scores = []
                for case in map(changed, cases):
                    plain, adapted = (_restored(case, model, adapt=adapt) for adapt in (False, True))
                    scores.append([score(one, case) for one in (plain_input(case), plain, adapted)])
                yield [name, title, change, str(len(cases)), *_means(scores, judged=[2], against=1)]


def tile_rows() -> Iterator[Row]:
    """Difference of tiles of 128 px to the whole plane in units of the result's range, and the processor's time.

    "Wide halo" is the other way to keep tiles right: every tile runs all its passes in a halo as many times as wide.
    """
    from scipy import ndimage

    rng = np.random.default_rng(0)
    scene = sum(ndimage.gaussian_filter(rng.normal(size=(768, 768)), s) * s for s in (1.5, 4.0, 12.0))
    image = CalibratedImage((1000 + 300 * scene + 20 * rng.normal(size=scene.shape)).astype(np.float32), "YX")
    for name in REPEATED.values():
        model = load_model(name, "cpu")
        for passes in range(1, MOST_PASSES + 1):
            whole = restore(image, model, passes=passes, tile=768)
            tiled = restore(image, model, passes=passes, tile=128)
            difference = np.abs(tiled.image.data - whole.image.data).max() / np.ptp(whole.image.data)
            auto, preparing = _timed(prepare(image, model, RestoreSettings(passes=passes)))
            _, seconds = _timed(auto.iter_run())
            wide, _ = _timed(prepare(image, _Wide(model, passes)))
            _, wide_seconds = _timed(wide.iter_run())
            yield [
                name, str(passes), f"{difference:.1e}", " x ".join(map(str, auto.tile)),
                *(f"{one:.1f}" for one in (preparing, seconds, wide_seconds)),
            ]  # fmt: skip


def _timed(task: Task[Any]) -> tuple[Any, float]:
    """What a task returns, and the processor's seconds: other work on the machine does not count."""
    started = time.process_time()
    return run(task), time.process_time() - started


class _Wide:
    """A model that runs all passes in one prediction; for the comparison of times alone."""

    def __init__(self, model: Any, passes: int) -> None:
        self._model, self._passes = model, passes
        self.card = replace(
            model.card,
            id="wide",
            halo=passes * model.card.halo,
            laplace_scale=False,
            weights_sha256=f"{passes:064d}",
        )
        self.device, self.precision = model.device, model.precision
        self.notices: list[str] = []

    def predict(self, batch: Plane) -> Plane:
        for _ in range(self._passes):
            batch = np.ascontiguousarray(self._model.predict(batch)[:, :1])
        return batch

    def estimate_bytes(self, shape: tuple[int, ...]) -> int:
        return int(self._model.estimate_bytes(shape))

    def fall_back_to_cpu(self) -> bool:
        return False


def changes() -> dict[str, Change]:
    """What is done to input and truth alike; the noise to the input alone."""
    return {
        "none": _same,
        "gain 3, offset 1000": lambda case: _mapped(case, lambda v, low, high: 3 * v + 1000),
        "gamma 0.5": lambda case: _mapped(case, lambda v, low, high: _gamma(v, low, high, 0.5)),
        "gamma 2": lambda case: _mapped(case, lambda v, low, high: _gamma(v, low, high, 2.0)),
        "inverted": lambda case: _mapped(case, lambda v, low, high: low + high - v),
        "bright spot of 5 ranges": _with_spot,
        "noise of 10 % of the range": _noisier,
    }


def _same(case: Example) -> Example:
    return case


def _mapped(case: Example, change: Callable[[Any, float, float], Any]) -> Example:
    low, high = float(case.target.min()), float(case.target.max())
    made = (change(np.asarray(plane, np.float64), low, high) for plane in (case.input, case.target))
    given, truth = (np.asarray(plane, np.float32) for plane in made)
    return replace(case, input=given, target=truth)


def _gamma(values: Any, low: float, high: float, power: float) -> Any:
    spread = (values - low) / (high - low)
    return low + (high - low) * np.sign(spread) * np.abs(spread) ** power


def _with_spot(case: Example) -> Example:
    given, truth = (np.array(plane, np.float32) for plane in (case.input, case.target))
    for plane in (given, truth):
        plane[..., _SPOT, _SPOT] += 5 * case.data_range
    return replace(case, input=given, target=truth)


def _noisier(case: Example) -> Example:
    noise = np.random.default_rng(0).normal(0, 0.1 * case.data_range, case.input.shape)
    return replace(case, input=(case.input + noise).astype(np.float32))


def score(plane: Plane, case: Example) -> float:
    """PSNR; an added bright spot counts neither in the difference nor in the range."""
    restored, truth = np.asarray(plane, np.float64), np.asarray(case.target, np.float64)
    if case.level == "real":
        gain, offset = metrics.fit_affine(restored, truth)
        restored = gain * restored + offset
    spread = np.sort(truth, axis=None)
    spot = (_SPOT.stop - _SPOT.start) ** 2
    if spread[-spot] - spread[-spot - 1] > 3 * (spread[-spot - 1] - spread[0]):
        far = np.ones(truth.shape, bool)
        far[_SPOT.start - 24 : _SPOT.stop + 24, _SPOT.start - 24 : _SPOT.stop + 24] = False
        restored, truth = restored[far], truth[far]
    return float(metrics.psnr(restored, truth, data_range=float(np.ptp(truth))))


def _restored(case: Example, model: Any, **settings: Any) -> Plane:
    image = CalibratedImage(case.input, "TYX" if case.input.ndim == 3 else "YX")
    return np.asarray(restore(image, model, **settings).image.data).reshape(case.target.shape)


def _scale_kept(plane: Plane, model: Any) -> Iterator[Plane]:
    """The second and third pass on the whole plane without normalising between them."""
    card = model.card
    one = measure(lambda: [np.asarray(plane)], card.low_percentile, card.high_percentile)
    shown = one.normalize(np.asarray(plane))
    for number in range(1, MOST_PASSES + 1):
        shown = model.predict(shown[None, None])[0, 0]
        if number > 1:
            yield np.asarray(one.undo(shown))


def _means(scores: Sequence[Sequence[float]], *, judged: Sequence[int], against: int) -> Row:
    columns = np.array(scores).T
    found = []
    for number, column in enumerate(columns):
        better = f" ({int((column > columns[against] + 0.005).sum())})" if number in judged else ""
        found.append(f"{column.mean():.2f}{better}")
    return found


def table(titles: Row, rows: Iterator[Row]) -> str:
    """A Markdown table; each row is shown when it is made."""
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for row in rows:
        lines.append(f"| {' | '.join(row)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
