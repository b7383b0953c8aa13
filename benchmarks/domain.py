"""How often the comparison with a model's training images raises an alarm: rightly, wrongly, and not at all.

python -m benchmarks.domain                 # the table in benchmarks/domain.md
python -m benchmarks.domain --use train     # the images on which the thresholds were chosen
python -m benchmarks.domain --cards         # the statistics in the cards that the comparison needs
"""

from __future__ import annotations

import argparse
import csv
import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.image import CalibratedImage
from napari_restoration.models.card import ModelCard
from napari_restoration.models.registry import find_card, list_models
from napari_restoration.tasks.domain import check_domain
from napari_restoration.training.domain import domain_statistics
from napari_restoration.training.recipe import Recipe, read_recipe
from napari_restoration.training.simulate import draw, simulate
from napari_restoration.training.sources import as_truth, mean_bin, read_index, read_plane

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
CARDS = HERE.parent / "src" / "napari_restoration" / "models" / "cards.json"
ADDED = ("middle_detail", "signal_share", "median")
FIELDS = 192
# Of files that no model was trained for, the planes are looked at as they are.
STRANGE = {"em/tem/*": "electron microscopy of tissue", "pairs/w2s_denoise/input/*0.tif": "W2S, one exposure"}

Plane = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One comparison: of which model and file, what was done to it, and what was found."""

    model: str
    file: str
    kind: str
    found: tuple[str, ...]
    seconds: float


def compared(card: ModelCard, file: str, kind: str, image: Plane) -> Result:
    """Compare one image with a model's training images."""
    started = time.perf_counter()
    data = np.asarray(image, dtype=np.float32)
    report = check_domain(CalibratedImage(data, "TYX" if data.ndim == 3 else "YX", name=file), card)
    found = tuple(one.kind for one in report.findings)
    return Result(model=card.id, file=file, kind=kind, found=found, seconds=time.perf_counter() - started)


def measure(name: str, use: str) -> Iterator[Result]:
    """All images of a model: degraded as in training, and truly other ones."""
    card = find_card(name)[0]
    recipe = read_recipe(HERE / "recipes" / card.recipe)
    for file, truth in _truths(recipe, use):
        for kind, make in _variants(recipe, truth, file).items():
            yield compared(card, file, kind, make())
    if use == "val" and card.task in ("refocus", "superres"):
        for file, kind, plane in _strange():
            yield compared(card, file, kind, plane)


def _truths(recipe: Recipe, use: str) -> Iterator[tuple[str, Plane]]:
    """Sharp images of the recipe's groups, each binned as the recipe may; really blurred ones are left out."""
    seen: set[str] = set()
    rows = [row for row in read_index(DATA) if row.use == use and "outoffocus" not in row.file]
    for group in recipe.sources:
        for row in rows:
            if row.file in seen or not fnmatchcase(row.file, group.match):
                continue
            seen.add(row.file)
            factor = int(np.random.default_rng(zlib.crc32(row.file.encode())).choice(group.bins))
            plane = read_plane(DATA / row.file)
            truth = as_truth(plane, factor=factor, smooth=recipe.smooth, black=group.black)
            height, width = (n // recipe.scale * recipe.scale for n in truth.shape)
            if min(height, width) >= 64 * recipe.scale:
                yield row.file, truth[:height, :width]


def _variants(recipe: Recipe, truth: Plane, file: str) -> dict[str, Callable[[], Plane]]:
    """What is done to an image, by name. The first is what training does."""

    def degraded(image: Plane, **changed: float) -> Plane:
        rng = np.random.default_rng([zlib.crc32(file.encode()), 7])
        numbers = draw(recipe.degradation, rng)
        numbers |= {key: value(numbers[key]) if callable(value) else value for key, value in changed.items()}
        return simulate(recipe.task, image, numbers, rng).input

    def each(change: Callable[[Plane], Plane]) -> Plane:
        made = degraded(truth)
        return np.stack([change(one) for one in made]) if made.ndim == 3 else change(made)

    half = [n // 2 // 2 * 2 for n in truth.shape]
    found: dict[str, Callable[[], Plane]] = {
        "as in training": lambda: degraded(truth),
        "30 times less light": lambda: degraded(truth, photons=lambda one: one / 30),  # type: ignore[arg-type]
        "hardly any noise": lambda: degraded(truth, photons=1e6, read_noise=0.0),
        "smoothed, 1.5 px": lambda: each(lambda one: ndimage.gaussian_filter(one, 1.5)),
        "median of 5 x 5": lambda: each(lambda one: ndimage.median_filter(one, 5)),
        "blurred, 6 px": lambda: degraded(ndimage.gaussian_filter(truth, 6 * recipe.scale)),
        "pixels 4 times finer": lambda: degraded(
            np.clip(ndimage.zoom(truth[: half[0], : half[1]], 4, order=3)[:1024, :1024], 0, None)
        ),
        "inverted": lambda: each(lambda one: one.max() + one.min() - one),
        "5 % saturated": lambda: each(lambda one: np.minimum(one, np.percentile(one, 95))),
    }
    if min(truth.shape) >= 512:
        height, width = (n // 8 * 8 for n in truth.shape)
        found["pixels 4 times coarser"] = lambda: degraded(mean_bin(truth[:height, :width], 4))
    return found


def _strange() -> Iterator[tuple[str, str, Plane]]:
    for row in read_index(DATA):
        kind = next((words for match, words in STRANGE.items() if fnmatchcase(row.file, match)), None)
        if kind is not None and row.use == "eval-only":
            yield row.file, kind, read_plane(DATA / row.file)


def markdown(results: Sequence[Result], use: str) -> str:
    """The report."""
    models = list(dict.fromkeys(one.model for one in results))
    kinds = list(dict.fromkeys(one.kind for one in results))
    head = "| image | " + " | ".join(f"`{model}`" for model in models) + " | all | what is found |\n"
    lines = [head + "|---" * (len(models) + 3) + "|\n"]
    for kind in kinds:
        of_kind = [one for one in results if one.kind == kind]
        cells = [_share([one for one in of_kind if one.model == model]) for model in models]
        counted = Counter(found for one in of_kind for found in one.found)
        words = ", ".join(f"{name} {count}" for name, count in counted.most_common(4))
        lines.append(f"| {kind} | {' | '.join(cells)} | {_share(of_kind)} | {words} |\n")
    quiet = [one.seconds for one in results if not one.found]
    loud = [one.seconds for one in results if one.found]
    seconds = {"quiet": 1000 * float(np.median(quiet)), "loud": 1000 * float(np.median(loud))}
    return (
        INTRODUCTION.format(use=use, files=len({one.file for one in results if one.kind == kinds[0]}))
        + "".join(lines)
        + END.format(**seconds)
    )


def _share(results: Sequence[Result]) -> str:
    if not results:
        return ""
    alarms = sum(bool(one.found) for one in results)
    return f"{100 * alarms / len(results):.0f} % ({alarms} of {len(results)})"


def write_statistics(cards: Path = CARDS) -> None:
    """Add the statistics that came after the shipped models were trained to their cards, from their recipes' images."""
    from napari_restoration.training.data import RunData

    known = json.loads(cards.read_text(encoding="utf-8"))
    for entry in known["models"]:
        recipe = read_recipe(HERE / "recipes" / entry["recipe"])
        maker = RunData(recipe, DATA).training()
        made = (maker.make(np.random.default_rng([recipe.seed, 4, n])).input for n in range(FIELDS))
        found = domain_statistics(one if one.ndim == 2 else one[one.shape[0] // 2] for one in made)
        entry["domain"].update({name: found[name] for name in ADDED})
    text = json.dumps(known, indent=1, ensure_ascii=False, allow_nan=False)
    cards.write_text(text + "\n", encoding="utf-8")


INTRODUCTION = """# Images unlike the training images

Made by `python -m benchmarks.domain --use {use}`, on {files} files of the *{use}* split: sharp images, degraded by the
models' own recipes with drawn settings, and changed as the first column says; the last two rows are files of which no
model has seen the like (W2S: or hardly), as they are. Shares of the images at which the comparison raises an alarm. In
the first row every alarm is a false one; in the others, an image without one is missed. The thresholds in
`tasks/domain_findings.py` were chosen on *train* images, for about 1 % of false alarms each.

"""
END = """
What is found: *clean*, *smooth* (noise or finest detail far below training), *soft* (detail of 5 to 16 pixels too
weak), *drowned* (next to nothing above white noise), *bright* (median too high), *saturated*. Pixel sizes are compared
where the card has a range, which the shipped ones do not have, as they were trained on many.

What it cannot tell: pixels four times coarser, and most that are four times finer, look like other specimens of the
training set, which holds many scales. Less light is told only where next to nothing is left above the noise: the
training images reach down to that themselves. Other kinds of specimens with an ordinary noise and spectrum raise no
alarm. No alarm does not mean that a result can be trusted.

Median time: {quiet:.0f} ms without a finding; {loud:.0f} ms with findings, for which other models are looked through.
"""


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.domain", description=__doc__)
    parser.add_argument("--use", choices=("val", "train"), default="val")
    parser.add_argument("--cards", action="store_true", help="write the statistics into the cards")
    options = parser.parse_args()
    if options.cards:
        write_statistics()
        return 0
    results: list[Result] = []
    for name in list_models(classical=False):
        results += measure(name, options.use)
    text = markdown(results, options.use)
    if options.use == "val":
        (HERE / "domain.md").write_text(text, encoding="utf-8")
        with (HERE / "domain.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["model", "file", "image", "found"])
            writer.writerows([one.model, one.file, one.kind, " ".join(one.found)] for one in results)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
