"""What a training run says about itself after each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_restoration.core.progress import Progress


@dataclass(frozen=True, kw_only=True)
class EpochReport(Progress):
    """One epoch is over.

    Parameters
    ----------
    done, total : int
        Training steps so far and in all (with a time budget ``total`` is an estimate).
    train_loss : float
        Mean over the epoch of what the restoring network minimised; NaN if every step was left out.
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
