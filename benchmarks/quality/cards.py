"""Put measured scores into the cards of the shipped models: ``python -m benchmarks.quality.cards``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.scores import Mean, Score, best_of, mean_scores, read_scores, wins

_HERE = Path(__file__).resolve().parent
_CARDS = _HERE.parents[1] / "src" / "napari_restoration" / "models" / "cards.json"


def card_scores(scores: Sequence[Score], model: str, command: str) -> dict[str, Any]:
    """What a card says about a model: by set of images and level, beside the input and the best baselines.

    Degraded validation images have PSNR and SSIM, real pairs the same after the best gain and offset.
    """
    own_task = [score for score in scores if score.method == model and score.role == "model"]
    if not own_task:
        raise ValueError(f"No scores of the model {model!r}: run python -m benchmarks.quality first.")
    result: dict[str, Any] = {"command": command}
    for kind in dict.fromkeys(score.kind for score in own_task):
        same = [s for s in scores if s.task == own_task[0].task and s.kind == kind]
        same = [s for s in same if s.role != "model" or s.method == model]
        levels = list(dict.fromkeys(score.level for score in same))
        groups = {level: [s for s in same if s.level == level] for level in levels}
        if len(levels) > 1:
            groups["all"] = same
        result[kind] = {
            level: _level(group, "" if kind == "val" else "_affine") for level, group in groups.items()
        }
    return result


def update_cards(scores: Sequence[Score], command: str, cards: Path = _CARDS) -> list[str]:
    """Write the scores of every model that has some into the cards file; returns the models' ids."""
    known = json.loads(cards.read_text(encoding="utf-8"))
    measured = {score.method for score in scores if score.role == "model"}
    done = []
    for entry in known["models"]:
        if entry["id"] in measured:
            entry["scores"] = card_scores(scores, entry["id"], command)
            done.append(str(entry["id"]))
    cards.write_text(
        json.dumps(known, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    return done


def main() -> int:
    """Read ``scores.csv`` beside this file and update the cards."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.cards", description=__doc__)
    parser.add_argument("--scores", type=Path, default=_HERE / "scores.csv")
    parser.add_argument("--cards", type=Path, default=_CARDS)
    options = parser.parse_args()
    done = update_cards(
        read_scores(options.scores), "python -m benchmarks.quality --reuse-baselines", options.cards
    )
    print(f"Updated {', '.join(done) or 'no card'} in {options.cards.name}.", file=sys.stderr)
    return 0


def _level(scores: Sequence[Score], suffix: str) -> dict[str, Any]:
    means = mean_scores(scores)
    model = next(mean for mean in means if mean.role == "model")
    given = next(mean for mean in means if mean.role == "input")
    level: dict[str, Any] = {"images": model.count}
    for metric in ("psnr" + suffix, "ssim" + suffix):
        best = best_of("baseline", scores, metric)
        informed = best_of("combination", scores, metric)
        level[metric] = {
            "model": _rounded(model, metric),
            "model_sd": round(model.spread[metric], 4) if model.count > 1 else None,
            "input": _rounded(given, metric),
            **_rival("baseline", best, model, metric),
            **_rival("combination", informed, model, metric),
        }
    return level


def _rival(role: str, best: Mean | None, model: Mean, metric: str) -> dict[str, Any]:
    if best is None:
        return {}
    return {
        f"best_{role}": _rounded(best, metric),
        f"best_{role}_name": best.method,
        f"wins_over_{role}": wins(model, best, metric),
    }


def _rounded(mean: Mean, metric: str) -> float:
    return round(mean.mean[metric], 4)


if __name__ == "__main__":
    sys.exit(main())
