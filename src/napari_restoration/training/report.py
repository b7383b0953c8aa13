"""What a training run says about itself: after each epoch, and in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_restoration.core.progress import Progress


@dataclass(frozen=True, kw_only=True)
class EpochReport(Progress):
    """One epoch is over.

    Parameters
    ----------
    done, total : int
        Training steps so far and in all (with a time budget ``total`` is an estimate). ``done`` is 0 where the
        weights that training starts from were scored before they were touched.
    train_loss : float
        Mean over the epoch of what the restoring network minimised; NaN if every step was left out, or none taken.
    val_loss, val_psnr, val_ssim, val_mae : float
        Loss, PSNR in dB, SSIM and mean absolute error (data range 1 in normalised units) of the averaged weights
        on held-out images.
    learning_rate : float
        The rate at the epoch's last step.
    minutes : float
        Training time so far, summed over resumed sessions.
    best : bool
        Whether these weights are the best so far.
    losses : mapping of str to float
        Mean of each unweighted loss over the epoch, those of critics too.
    phase, dropped_steps : int
        Phase of the method, and steps of the epoch that were left out.
    """

    train_loss: float
    val_loss: float
    val_psnr: float
    val_ssim: float
    val_mae: float
    learning_rate: float
    minutes: float
    best: bool
    losses: Mapping[str, float] = field(default_factory=dict)
    phase: int = 0
    dropped_steps: int = 0


@dataclass(frozen=True, kw_only=True)
class LiveReport(Progress):
    """Held-out crops were restored with the weights as they are now.

    Parameters
    ----------
    path : Path
        File of the crops; it is written anew each time, whole or not at all.
    step : int
        Steps that the weights have seen.
    minutes : float
        Training time so far.
    """

    path: Path
    step: int
    minutes: float


@dataclass(frozen=True, kw_only=True)
class Paused(Progress):
    """Training waits until it is told to go on; sent twice a second."""


@dataclass(frozen=True, kw_only=True)
class ModelWritten(Progress):
    """A model folder is on the disk.

    Parameters
    ----------
    folder : Path
        The model folder.
    model : str
        The model's id.
    final : bool
        Whether it is the one that the whole training made; otherwise it was asked for in between.
    """

    folder: Path
    model: str
    final: bool
