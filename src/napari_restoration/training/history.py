"""The record of a training run, a row an epoch: ``history.csv`` and, if wanted, TensorBoard's files."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.training.report import EpochReport

HISTORY, TENSORBOARD = "history.csv", "tensorboard"
FIRST_COLUMNS = (
    "epoch", "step", "train_loss", "val_loss", "val_psnr", "val_ssim", "val_mae", "learning_rate", "minutes", "best",
)  # fmt: skip
_NO_TENSORBOARD = (
    'A TensorBoard log needs TensorBoard: install it with `pip install "napari-restoration[tensorboard]"`.'
)
LAST_COLUMNS = ("phase", "dropped_steps", "notices")


def columns(loss_names: Sequence[str]) -> tuple[str, ...]:
    """All columns of a run: the same in every phase, empty where a loss plays no part."""
    return (*FIRST_COLUMNS, *(f"train_{name}" for name in loss_names), *LAST_COLUMNS)


def row_of(report: EpochReport, number: int, notices: Sequence[str]) -> dict[str, Any]:
    """The row of an epoch, the ``number``-th; 0 is that of weights that were not trained yet."""
    row = {name: value for name, value in vars(report).items() if name in columns(())}
    row |= {f"train_{name}": value for name, value in report.losses.items()}
    return {**row, "epoch": number, "step": report.done, "notices": " ".join(dict.fromkeys(notices))}


def of_start(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The row of the weights that training started from, before it touched them; None if they were random."""
    return history[0] if history and history[0]["epoch"] == 0 else None


def write_history(folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table anew, whole or not at all."""
    text = io.StringIO()
    table = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_bytes_atomically(folder / HISTORY, text.getvalue().encode())


def check_tensorboard() -> None:
    """Refuse before any work if TensorBoard is not installed.

    Raises
    ------
    RestorationError
        Saying how to install it.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise RestorationError(_NO_TENSORBOARD)


@contextmanager
def open_board(folder: Path, step: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Gives a function that shows a row of the history in TensorBoard.

    Parameters
    ----------
    folder : Path
        Of the run; the files lie in its folder ``tensorboard``.
    step : int
        Steps done: what an earlier session wrote after them is not shown.

    Raises
    ------
    RestorationError
        If TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise RestorationError(_NO_TENSORBOARD) from error
    writer: Any = SummaryWriter(str(folder / TENSORBOARD), purge_step=step + 1 if step else None)

    def add(row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            if isinstance(value, float) and math.isfinite(value):
                writer.add_scalar(name, value, row["step"])
        writer.flush()

    try:
        yield add
    finally:
        writer.close()
