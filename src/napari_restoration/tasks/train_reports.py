"""What a training in another process says: one JSON object a line, and a file of live crops. No torch here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError, ModelError, OutputError, RestorationError
from napari_restoration.core.progress import Notice, Progress
from napari_restoration.training.control import TrainingSaved
from napari_restoration.training.report import EpochReport, LiveReport, ModelWritten, Paused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_restoration.models.card import ModelCard
    from napari_restoration.tasks.assessment import Assessment

__all__ = [
    "EpochReport", "Failed", "LiveCrops", "LiveReport", "ModelWritten", "Paused", "Trained", "TrainingResult",
    "from_line", "read_live", "to_line",
]  # fmt: skip

_ERRORS: Mapping[str, type[RestorationError]] = {
    "saved": TrainingSaved, "input": InputError, "output": OutputError, "model": ModelError,
    "error": RestorationError,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a training made.

    Parameters
    ----------
    run : Path
        Folder of the run.
    model : str
        Id of the model.
    folder : Path
        The model folder: among the user's models if it was installed there, else ``model`` in the run.
    steps : int
        Training steps.
    minutes : float
        Time of training, summed over resumed sessions.
    assessment : Assessment or None
        How it does on held-out images; None if that was not asked for.
    """

    run: Path
    model: str
    folder: Path
    steps: int
    minutes: float
    assessment: Assessment | None = None

    @property
    def card(self) -> ModelCard:
        """The model's card, read from its folder."""
        from napari_restoration.models.registry import find_card

        return find_card(self.folder)[0]

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "run": str(self.run), "model": self.model, "folder": str(self.folder), "steps": self.steps,
            "minutes": self.minutes, "assessment": self.assessment.to_dict() if self.assessment is not None else None,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingResult:
        """What `to_dict` gave."""
        found = values["assessment"]
        if found is not None:
            from napari_restoration.tasks.assessment import Assessment

            found = Assessment.from_dict(found)
        paths = {name: Path(values[name]) for name in ("run", "folder")}
        return cls(**{**values, **paths, "assessment": found})


@dataclass(frozen=True, kw_only=True)
class Trained(Progress):
    """The last line of a training that reached its end."""

    result: TrainingResult


@dataclass(frozen=True, kw_only=True)
class Failed(Progress):
    """The last line of a training that did not; ``message`` is the sentence for the user, ``kind`` names the error."""

    kind: str

    @classmethod
    def of(cls, error: BaseException, message: str) -> Failed:
        """What becomes of an error in the process that it ended."""
        kind = next((name for name, one in _ERRORS.items() if isinstance(error, one)), "error")
        return cls(done=0, total=0, message=message, kind=kind)

    def error(self) -> RestorationError:
        """The error to raise where the training was started from."""
        return _ERRORS.get(self.kind, RestorationError)(self.message)


_KINDS: Mapping[str, type[Progress]] = {
    "progress": Progress, "notice": Notice, "epoch": EpochReport, "live": LiveReport, "paused": Paused,
    "model": ModelWritten, "trained": Trained, "failed": Failed,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_line(report: Progress) -> str:
    """One line of JSON, without its end; numbers that are not finite become null."""
    # Reports of other kinds are about parts that the other process does not have.
    kind = type(report) if type(report) in _NAMES else Progress
    plain = {field.name: _plain(getattr(report, field.name)) for field in fields(kind)}
    return json.dumps({"report": _NAMES[kind], **plain}, allow_nan=False)


def from_line(line: str) -> Progress:
    """The report that `to_line` made a line of; a null among numbers is NaN.

    Raises
    ------
    ValueError
        If the line is not one of these, such as what a library printed.
    """
    try:
        values = json.loads(line)
        kind = _KINDS[values.pop("report")]
        wanted = {field.name: str(field.type) for field in fields(kind)}
        return kind(**{name: _typed(value, wanted[name]) for name, value in values.items()})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{line[:80]!r} is no report of a training.") from error


@dataclass(frozen=True, eq=False, kw_only=True)
class LiveCrops:
    """Held-out crops, restored while training runs.

    Parameters
    ----------
    names : tuple of str
        What the crops are cut from.
    step : int
        Steps that the weights have seen.
    scale : int
        Pixels of the prediction for each pixel of the input along an axis.
    input : ndarray
        ``(N, Y, X)`` float32; of a burst its middle frame.
    prediction, target : ndarray
        ``(N, Y * scale, X * scale)`` float32. All are in normalised units: 0 and 1 are the percentiles 2 and 99.8 of
        the part of the input that the crop was cut from.
    """

    names: tuple[str, ...]
    step: int
    scale: int
    input: NDArray[np.float32]
    prediction: NDArray[np.float32]
    target: NDArray[np.float32]


def read_live(path: str | Path) -> LiveCrops:
    """Read the file of a `LiveReport`.

    Raises
    ------
    InputError
        If it is absent or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        # Read at once: a file that is held open could not be replaced on Windows.
        content = Path(path).read_bytes()
        length = int.from_bytes(content[:8], "little")
        about = json.loads(content[8 : 8 + length])["__metadata__"]
        arrays = load(content)
        return LiveCrops(
            names=tuple(json.loads(about["names"])), step=int(about["step"]), scale=int(about["scale"]),
            input=arrays["input"], prediction=arrays["prediction"], target=arrays["target"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(f"{path} holds no live crops ({error}); the next ones replace it.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, TrainingResult):
        return _plain(value.to_dict())
    return str(value) if isinstance(value, Path) else value


def _typed(value: Any, wanted: str) -> Any:
    if wanted == "float" and value is None:
        return math.nan
    if wanted.startswith("Mapping"):
        return {name: math.nan if entry is None else entry for name, entry in value.items()}
    if wanted == "Path":
        return Path(value)
    return TrainingResult.from_dict(value) if wanted == "TrainingResult" else value
