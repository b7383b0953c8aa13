"""The record of a training run, a row an epoch: ``history.csv`` and, if wanted, TensorBoard's files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.training.report import EpochReport

HISTORY, TENSORBOARD = "history.csv", "tensorboard"
FIRST_COLUMNS = (
    "epoch", "step", "train_loss", "val_loss", "val_psnr", "val_ssim", "val_mae", "learning_rate", "minutes", "best",
)  # fmt: skip
LAST_COLUMNS = ("phase", "dropped_steps", "notices")


def columns(loss_names: Sequence[str]) -> tuple[str, ...]:
    """All columns of a run: the same in every phase, empty where a loss plays no part."""
    return (*FIRST_COLUMNS, *(f"train_{name}" for name in loss_names), *LAST_COLUMNS)


def row_of(report: EpochReport, number: int, notices: Sequence[str]) -> dict[str, Any]:
    """The row of an epoch, the ``number``-th."""
    row = {name: value for name, value in vars(report).items() if name in columns(())}
    row |= {f"train_{name}": value for name, value in report.losses.items()}
    return {**row, "epoch": number, "step": report.done, "notices": " ".join(dict.fromkeys(notices))}


def write_history(folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table anew, whole or not at all."""
    text = io.StringIO()
    table = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_bytes_atomically(folder / HISTORY, text.getvalue().encode())


class TensorBoard:
    """Writes the numbers of each epoch for TensorBoard.

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

    def __init__(self, folder: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise RestorationError(
                'A TensorBoard log needs TensorBoard: install it with `pip install "napari-restoration[tensorboard]"`.'
            ) from error
        self._writer: Any = SummaryWriter(str(folder / TENSORBOARD), purge_step=step + 1 if step else None)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take up a row of the history."""
        for name, value in row.items():
            if isinstance(value, float) and math.isfinite(value):
                self._writer.add_scalar(name, value, row["step"])
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
