"""Score the classical methods that the package offers, with their default parameters: what a user gets untuned.

``python -m benchmarks.quality.classical`` writes ``classical.csv`` beside this file, one row an image and method, and
from it and the tuned baselines the scores in the methods' cards. With ``--cards-only`` only the cards are written
anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import cases
from benchmarks.quality.__main__ import image_sets, score_model
from benchmarks.quality.cards import card_scores
from benchmarks.quality.scores import Score, read_scores, write_scores

from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.models.classical.catalogue import METHODS, SCORES

_HERE = Path(__file__).resolve().parent
_TABLE = _HERE / "classical.csv"
_COMMAND = "python -m benchmarks.quality.classical"


def main() -> int:
    """Score every method on the images of its task, then update the cards."""
    parser = argparse.ArgumentParser(prog=_COMMAND, description=__doc__)
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[1].parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder with index.csv")
    parser.add_argument("--cards-only", action="store_true", help="take classical.csv as it is")
    options = parser.parse_args()
    if not options.cards_only:
        write_scores(_TABLE, measured(options.data))
    write_cards(read_scores(_TABLE), read_scores(_HERE / "baselines.csv"), SCORES)
    return 0


def measured(data: Path) -> list[Score]:
    """Scores of every method on every image of its task."""
    return [
        score
        for task in cases.TASKS
        for scored, _ in image_sets(task, data)
        for name, entry in METHODS.items()
        if entry.task == task
        for score in score_model(name, scored)
    ]


def write_cards(scores: Sequence[Score], baselines: Sequence[Score], cards: Path) -> None:
    """Write what each method's card says: its scores beside the input and the best tuned filters."""
    text = {
        name: card_scores([*baselines, *(score for score in scores if score.method == name)], name, _COMMAND)
        for name in METHODS
    }
    content = json.dumps(text, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes_atomically(cards, content.encode())


if __name__ == "__main__":
    sys.exit(main())
