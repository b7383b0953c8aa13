"""Plant what the data cannot support and measure which map finds it: ``python -m benchmarks.trust``.

``--calibrate`` first measures good restorations of the tuning images and the Laplace scale (``models/trust.json``,
``coverage.csv``); the table itself is made of validation images and real pairs, each at one level. No image that a
threshold was chosen on is scored.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from benchmarks.quality.cases import REAL_PAIRS, Example, degraded, real
from benchmarks.trust import calibrate, gan, report
from benchmarks.trust.judged import judge_example
from benchmarks.trust.roc import COMBINED, NOTHING, STRONG, Row, error_rows, planted_rows

from napari_restoration.models.any_model import load_model

HERE = Path(__file__).resolve().parent
_TASKS = ("denoise", "refocus", "superres")
_REAL = {"w2s_denoise": 4, "gigadb_snr": 4, "dfnn_defocus_microtubules": 4, "biosr_wf2sim": 2}
_OWN, _DECONVOLVED, _PAINTED = (
    "the network's own errors",
    "deconvolution with a wrong blur",
    "adversarial filaments",
)


def main() -> int:
    """Run what is asked for and write ``roc.csv`` and ``results.md``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--calibrate", action="store_true", help="measure good restorations first")
    parser.add_argument("--tasks", nargs="*", default=[*calibrate.MODELS], help="to calibrate")
    parser.add_argument("--report-only", action="store_true", help="write the tables from roc.csv")
    options = parser.parse_args()
    if options.calibrate:
        calibrate.calibrate(options.data, options.tasks)
    if not options.report_only:
        _write(_all_rows(options.data))
    rows = read_rows()
    calibrate.store_chance(_chance(rows))
    report.write(rows, HERE)
    return 0


def _all_rows(data: Path) -> Iterator[Row]:
    for task in _TASKS:
        yield from _task_rows(task, data)
    yield from _deconvolved(data)
    yield from _painted(data)
    yield from _bursts(data)


def _task_rows(task: str, data: Path) -> Iterator[Row]:
    """Plants in the shipped network's results, and its own errors."""
    model = load_model(calibrate.MODELS[task], "cpu")
    foreign = _foreign(task, data)
    examples = calibrate.one_level_each(degraded(task, data))
    for number, example in enumerate([*examples, *_real(task, data)]):
        print(f"{task} {number + 1}: {example.name} ({example.level})", file=sys.stderr, flush=True)
        judged = judge_example(example, model, with_views=True)
        yield from planted_rows(judged, foreign[_is_em(example)], number)
        if example.level != "real":
            yield from error_rows(judged, _OWN)


def _deconvolved(data: Path) -> Iterator[Row]:
    """Many plain Richardson-Lucy iterations with a blur that is half as wide again as it should be."""
    for example in calibrate.one_level_each(degraded("refocus", data)):
        assert example.psf is not None
        kernel = example.psf[0]
        at = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
        # The width that contains 39 % of a Gaussian: a Debye pattern has no variance to speak of.
        radius = np.sort(np.hypot(*np.meshgrid(at, at)).ravel())
        order = np.argsort(np.hypot(*np.meshgrid(at, at)).ravel())
        sigma = float(radius[np.searchsorted(np.cumsum(kernel.ravel()[order]), 0.393)])
        wide = {"sigma_px": max(1.5 * sigma, 1.0), "iterations": 100, "variation": 0.0}
        judged = judge_example(example, "classical-richardson-lucy", parameters=wide, with_views=True)
        yield from error_rows(judged, _DECONVOLVED)


def _painted(data: Path) -> Iterator[Row]:
    network = gan.make_network()
    examples = [example for example in degraded("denoise", data) if example.level == "hard"]
    for example in examples:
        yield from error_rows(judge_example(example, network, with_views=True), _PAINTED)


def _bursts(data: Path) -> Iterator[Row]:
    """A few bursts, for the share that is marked where nothing is wrong."""
    model = load_model(calibrate.MODELS["deblur"], "cpu")
    for number, example in enumerate(calibrate.one_level_each(degraded("deblur", data))[::8]):
        print(f"deblur {number + 1}: {example.name}", file=sys.stderr, flush=True)
        judged = judge_example(example, model)
        yield from planted_rows(judged, np.asarray(example.target, dtype=np.float64), number)
        yield from error_rows(judged, _OWN)


def _real(task: str, data: Path) -> list[Example]:
    found = []
    for pairs in REAL_PAIRS:
        if pairs.task == task and pairs.folder in _REAL:
            every = real(pairs, data)
            step = max(1, len(every) // _REAL[pairs.folder])
            found += every[::step][: _REAL[pairs.folder]]
    return found


def _foreign(task: str, data: Path) -> dict[bool, np.ndarray]:
    """Texture for light microscopy from electron microscopy, and the other way round."""
    every = degraded(task, data)
    micrographs = [one for one in degraded("denoise", data) if _is_em(one)]
    light = next(one for one in every if "actin" in one.name)
    return {
        False: np.asarray(micrographs[0].target, dtype=np.float64),
        True: np.asarray(light.target, dtype=np.float64),
    }


def _is_em(example: Example) -> bool:
    return example.name.startswith("em/")


def _chance(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Share of validation images that is marked though nothing was planted."""
    found = {}
    for task in calibrate.MODELS:
        quiet = [row for row in rows if (row.task, row.kind) == (task, NOTHING) and row.level != "real"]
        shares = [row.false for row in quiet if row.score == COMBINED]
        strong = [row.false for row in quiet if row.score == STRONG]
        if shares:
            found[task] = {
                "images": len(shares),
                "median": round(float(np.median(shares)), 4),
                "p95": round(float(np.percentile(shares, 95)), 4),
                "strong_median": round(float(np.median(strong)), 5),
            }
    return found


def _write(rows: Iterator[Row], table: Path = HERE / "roc.csv") -> None:
    """Row by row, so that a run can be watched."""
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            values = asdict(row)
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in values.items()})
            stream.flush()


def read_rows() -> list[Row]:
    """The stored table."""
    with (HERE / "roc.csv").open(newline="", encoding="utf-8") as stream:
        return [
            Row(**{k: float(v) if k in ("auc", "found", "false") else v for k, v in line.items()})  # type: ignore[arg-type]
            for line in csv.DictReader(stream)
        ]


if __name__ == "__main__":
    sys.exit(main())
