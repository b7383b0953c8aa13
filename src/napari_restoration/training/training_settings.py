"""How weights are fitted: steps, batches, rates, augmentation, and what decides which weights are best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from napari_restoration.core.errors import InputError
from napari_restoration.training.limits import choice, need
from napari_restoration.training.loss_table import LOSSES

Schedule = Literal["cosine", "step", "constant", "linear_tail", "exponential", "milestones", "plateau"]
Precision = Literal["fp32", "bf16"]
Metric = Literal["loss", "psnr", "ssim", "mae"]
Turns = Literal["all", "flips", "none"]
Band = Literal["random", "targeted"]
Percentiles = Literal["field", "image"]
Norms = Literal["batch", "fixed"]

RISING: frozenset[str] = frozenset({"psnr", "ssim"})
"""Metrics that are better when they are larger."""
LATER: Mapping[str, object] = {"norms": "batch", "percentiles": "field"}
"""Defaults of the settings that runs and recipes of before do not have."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How the weights are fitted.

    Parameters
    ----------
    steps : int
        Optimizer steps in all, unless a time budget decides.
    steps_per_epoch : int
        Steps between two validations (and checkpoints).
    batch_size, patch, field_size : int
        Patches in a batch; side of an input patch; side of the degraded field that patches are cut from
        and whose percentiles normalise them (all in input pixels).
    patches_per_field : int
        Patches cut from one degraded field.
    learning_rate, weight_decay, warmup_steps, schedule
        Adam's rate, decoupled decay, linear warm-up and the curve after it.
    schedule_start : float
        Share of the training after which "linear_tail" falls to zero.
    schedule_factor : float
        What the rate is multiplied with after each epoch ("exponential"), at each of ``schedule_at``
        ("milestones"), or when the validation stands still ("plateau").
    schedule_at : tuple of float
        Shares of the training at which "milestones" lowers the rate.
    patience : int
        Epochs without a better validation loss before "plateau" lowers the rate.
    betas : tuple of float
        Adam's decays of the mean slope and of its mean square.
    amsgrad : bool
        Adam divides by the largest mean square so far (AMSGrad).
    ema_decay : float
        Decay of the moving average of the weights that is validated and shipped; 0 switches it off.
    clip_norm : float
        Largest gradient norm; 0 switches clipping off.
    precision : {"fp32", "bf16"}
        Arithmetic of the forward pass in training (bf16 by autocast); validation is always fp32.
    frozen_share : float
        Last share of the training in which batch norms keep fixed statistics, measured over many patches.
        Those of small batches differ from what a whole image is restored with.
    norms : {"batch", "fixed"}
        With "fixed" batch norms keep the statistics that training starts with, from the first step on.
    percentiles : {"field", "image"}
        What normalises a field of a measured pair: percentiles of the field itself, or of the whole image, as in
        restoration.
    losses : mapping of str to float
        Weights of the losses, summed.
    validation_share, validation_patches
        Share of each group's images held out, and the number of fixed patches cut from them.
    metric : {"loss", "psnr", "ssim", "mae"}
        What decides which weights are best, on the validation patches.
    early_stopping : int
        Epochs without a better metric after which training ends; 0 goes on to the end.
    turns : {"all", "flips", "none"}
        Quarter turns and mirror images of the patches, mirror images alone, or patches as they are.
    intensity : tuple of float
        Range of a factor that input and target are multiplied with.
    intensity_shift : float
        Largest value added to input and target, in units of the normalised range.
    masking : float
        Share of the inputs that lose a band of their spectrum, see `napari_restoration.training.sfm`.
    masked_band : {"random", "targeted"}
        Where the band lies.
    """

    steps: int = 2000
    steps_per_epoch: int = 100
    batch_size: int = 8
    patch: int = 64
    field_size: int = 192
    patches_per_field: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warmup_steps: int = 50
    schedule: Schedule = "cosine"
    schedule_start: float = 0.5
    schedule_factor: float = 0.5
    schedule_at: tuple[float, ...] = ()
    patience: int = 10
    betas: tuple[float, float] = (0.9, 0.999)
    amsgrad: bool = False
    ema_decay: float = 0.995
    clip_norm: float = 1.0
    precision: Precision = "fp32"
    frozen_share: float = 0.0
    norms: Norms = "batch"
    percentiles: Percentiles = "field"
    losses: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    validation_share: float = 0.1
    validation_patches: int = 32
    metric: Metric = "loss"
    early_stopping: int = 0
    turns: Turns = "all"
    intensity: tuple[float, float] = (1.0, 1.0)
    intensity_shift: float = 0.0
    masking: float = 0.0
    masked_band: Band = "random"

    def __post_init__(self) -> None:
        counts = ("steps", "steps_per_epoch", "batch_size", "patch", "patches_per_field")
        for name in (*counts, "validation_patches", "patience"):
            need(getattr(self, name) >= 1, f"training.{name}", getattr(self, name), "at least 1")
        need(self.field_size >= self.patch, "training.field_size", self.field_size, "at least training.patch")
        for name in ("weight_decay", "clip_norm", "early_stopping", "intensity_shift"):
            need(getattr(self, name) >= 0, f"training.{name}", getattr(self, name), "at least 0")
        for name in ("ema_decay", "frozen_share", "schedule_start"):
            value = getattr(self, name)
            need(0 <= value < 1, f"training.{name}", value, "from 0 to below 1")
        for name in ("learning_rate", "schedule_factor"):
            value = getattr(self, name)
            need(0 < value <= 1, f"training.{name}", value, "above 0 and at most 1")
        share = self.validation_share
        need(0 < share <= 0.5, "training.validation_share", share, "in (0, 0.5]")
        need(0 <= self.masking <= 1, "training.masking", self.masking, "from 0 to 1")
        self._check_tuples()
        choice(self.schedule, Schedule, "training.schedule")
        choice(self.precision, Precision, "training.precision")
        choice(self.norms, Norms, "training.norms")
        choice(self.percentiles, Percentiles, "training.percentiles")
        choice(self.metric, Metric, "training.metric")
        choice(self.turns, Turns, "training.turns")
        choice(self.masked_band, Band, "training.masked_band")
        need(bool(self.losses), "training.losses", dict(self.losses), "one loss at least")
        for name, weight in self.losses.items():
            if name not in LOSSES:
                raise InputError(
                    f"The recipe's training.losses is {name!r}; choose one of {', '.join(LOSSES)}."
                )
            need(weight > 0, f"training.losses.{name}", weight, "above 0")

    def _check_tuples(self) -> None:
        betas, range_, at = self.betas, self.intensity, self.schedule_at
        need(
            len(betas) == 2 and all(0 <= b < 1 for b in betas),
            "training.betas", betas, "two numbers from 0 to below 1",
        )  # fmt: skip
        need(
            len(range_) == 2 and 0 < range_[0] <= range_[1],
            "training.intensity", range_, "[low, high] with low above 0",
        )  # fmt: skip
        need(
            all(0 < share < 1 for share in at) and list(at) == sorted(at),
            "training.schedule_at", at, "rising shares of the training between 0 and 1",
        )  # fmt: skip
        if self.schedule == "milestones":
            need(bool(at), "training.schedule_at", at, "one share at least for the schedule 'milestones'")
