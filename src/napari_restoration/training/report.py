"""What a training run says about itself after each epoch."""

from __future__ import annotations

from dataclasses import dataclass

from napari_restoration.core.progress import Progress


@dataclass(frozen=True, kw_only=True)
class EpochReport(Progress):
    """One epoch is over.

    Parameters
    ----------
    done, total : int
        Training steps so far and in all (with a time budget ``total`` is an estimate).
    train_loss : float
        Mean loss over the epoch's training batches.
    val_loss, val_psnr : float
        Loss and PSNR in dB (data range 1 in normalised units) of the averaged weights on held-out images.
    learning_rate : float
        The rate at the epoch's last step.
    minutes : float
        Training time so far, summed over resumed sessions.
    best : bool
        Whether these weights are the best so far.
    """

    train_loss: float
    val_loss: float
    val_psnr: float
    learning_rate: float
    minutes: float
    best: bool
