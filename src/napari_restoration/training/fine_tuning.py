"""Fine-tuning: how the weights of a model are trained on, on a few pairs in a few minutes.

The settings were chosen on small sets of real pairs; ``benchmarks/fine_tuning`` has the table, failures included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from napari_restoration.training.training_settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """What fine-tuning one kind of network changes of a method's usual training.

    Parameters
    ----------
    learning_rate : float
        The largest rate, reached after the warm-up.
    steps : int
        Without a time budget: about five minutes on two cores of a CPU. With one the schedule follows the clock.
    steps_per_epoch : int
        Steps between two validations; the untouched weights are the first that are validated.
    warmup_steps : int
        A method's own warm-up can be longer than the whole of a short training.
    """

    learning_rate: float
    steps: int
    steps_per_epoch: int = 100
    warmup_steps: int = 50

    def changes(self) -> dict[str, object]:
        """Fields of `TrainingSettings` that take the place of the method's."""
        return {
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "steps_per_epoch": self.steps_per_epoch,
            "warmup_steps": self.warmup_steps,
            "schedule": "cosine",
            "ema_decay": 0.995,
            # Statistics of small batches of a few images are not those that the weights fit: with them a refocusing
            # network was worse by 6 to 8 dB midway, and by 0.9 dB at the end. They are kept, as those of residual
            # networks are when they learn to detect objects (He et al. 2016, appendix A).
            "norms": "fixed",
            "frozen_share": 0.0,
            # As a whole image is restored. A field of a few hundred pixels has other percentiles, which matters little
            # to a model that learns from thousands of images and more where a few are all there is.
            "percentiles": "image",
        }


_FINE_TUNINGS: Mapping[str, FineTuning] = MappingProxyType(
    {
        # After 600 steps 3e-4 was ahead of a tenth and of the whole of the usual 6e-4; at 2e-3 it never recovered.
        "care": FineTuning(learning_rate=3e-4, steps=7000, steps_per_epoch=200),
        # With norms fixed, 3e-4 and 1e-3 gave the same.
        "c2f": FineTuning(learning_rate=3e-4, steps=3600),
        # A tenth of the usual 1e-3 had gained half as much after as many steps.
        "rrdb": FineTuning(learning_rate=5e-4, steps=2200),
    }
)
_GENTLE = 0.1
_USUAL_STEPS = 3000


def fine_tuning(arch: str, training: TrainingSettings) -> FineTuning:
    """What is changed for a network of this architecture.

    Parameters
    ----------
    arch : str
    training : TrainingSettings
        Of its method; networks that were not measured learn at a tenth of its rate.
    """
    usual = FineTuning(
        learning_rate=training.learning_rate * _GENTLE,
        steps=min(training.steps, _USUAL_STEPS),
        steps_per_epoch=training.steps_per_epoch,
        warmup_steps=min(training.warmup_steps, 50),
    )
    return _FINE_TUNINGS.get(arch, usual)


def gentle(training: TrainingSettings) -> TrainingSettings:
    """The training of a method as it is, at a tenth of its learning rate."""
    return replace(training, learning_rate=training.learning_rate * _GENTLE)


def fine_tuned(arch: str, training: TrainingSettings) -> TrainingSettings:
    """The training of a method, made for a start from weights that are good already."""
    return replace(training, **fine_tuning(arch, training).changes())  # type: ignore[arg-type]
