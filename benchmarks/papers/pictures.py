"""Pictures of what the variants make of one image: ``python -m benchmarks.papers.pictures --out runs/papers``.

Only images marked train or val are kept for it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.papers.rows import Key
from benchmarks.papers.table import experiments
from benchmarks.quality.cases import Example

_HERE = Path(__file__).resolve().parent
_SHOWN = {
    "care-mitochondria": "fluorescence/mitochondria/hela-cells_c1.tif#0",
    "burst": "em/stem/Pt4_y0_x0.tif",
    "burst-samples": "em/stem/Pt4_y0_x0.tif",
    "c2f": "fluorescence/actin/kc167_POS218_R.tif",
    "comi": "fluorescence/actin/kc167_POS218_R.tif",
    "rrdb": "pairs/biosr_wf2sim/input/microtubules_1.tif",
}
_LEVELS = ("medium", "real")
_SIDE = 96
_FEWEST = 2


def keep_for_picture(out: Path, key: Key, example: Example, restored: npt.NDArray[np.float32]) -> None:
    """Keep the plane that the experiment's picture shows."""
    if "eval-only" in example.kind or example.name != _SHOWN.get(key[0]) or example.level not in _LEVELS:
        return
    folder = out / "pictures" / key[0]
    folder.mkdir(parents=True, exist_ok=True)
    label = f"{key[1]}_{key[2]}_{key[3]}_{key[4]}"
    np.savez(folder / f"{label}.npz", restored=restored, target=example.target, given=example.input)


def _most_steps(folder: Path, scale: str) -> int:
    counted = Counter(int(path.stem.split("_")[-2]) for path in folder.glob(f"*_{scale}_*.npz"))
    return max((steps for steps, count in counted.items() if count >= _FEWEST), default=0)


def main() -> int:
    from benchmarks.papers.__main__ import plain_input
    from benchmarks.quality.pictures import sharpest_window, stack_strips, strip

    from napari_restoration.core import metrics

    parser = argparse.ArgumentParser(prog="python -m benchmarks.papers.pictures", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/papers"))
    parser.add_argument("--scale", default="small")
    parser.add_argument("--steps", type=int, help="by default the most that at least two variants have had")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for experiment in experiments():
        panels, target, window = [], None, (slice(0), slice(0))
        steps = options.steps or _most_steps(options.out / "pictures" / experiment.name, options.scale)
        for variant in experiment.variants:
            name = f"{variant.name}_{options.scale}_{steps}_{options.seed}.npz"
            path = options.out / "pictures" / experiment.name / name
            if not path.exists():
                continue
            with np.load(path) as held:
                restored, target, given = held["restored"], held["target"], held["given"]
            if not panels:
                example = Example(task="", level="", name="", kind="", input=given, target=target)
                window = sharpest_window(target, _SIDE)
                panels.append(("input", plain_input(example)[window]))
            # Real pairs have no common scale: gain and offset are fitted for the eye as for the score.
            gain, offset = metrics.fit_affine(restored, target)
            panels.append((variant.name[:27], (gain * restored + offset)[window]))
        if target is None:
            continue
        given_gain = metrics.fit_affine(panels[0][1], target[window])
        panels[0] = ("input", given_gain[0] * panels[0][1] + given_gain[1])
        panels.append(("truth", target[window]))
        (_HERE / "pictures").mkdir(exist_ok=True)
        rows = [strip(panels[i : i + 4], target[window], side=192) for i in range(0, len(panels), 4)]
        stack_strips(rows).save(_HERE / "pictures" / f"{experiment.name}.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
