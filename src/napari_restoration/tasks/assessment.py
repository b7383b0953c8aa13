"""Whether a trained model restores held-out images better than the model before it: the result, on disk and read back.

Nothing here needs torch, so that a widget reads a finished assessment at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.files import write_bytes_atomically

Float = NDArray[np.float32]
Unit = Literal["image", "block"]
Verdict = Literal["better", "no clear difference", "worse", "not assessed"]

ASSESSMENT, EXAMPLES = "assessment.json", "assessment.safetensors"


@dataclass(frozen=True, kw_only=True)
class ImageScores:
    """Scores of one held-out image: of the input, and of what two models make of it.

    Parameters
    ----------
    name, field : str
        Name of the image, and of the field of view that it shows.
    psnr_input, psnr_before, psnr_after : float or None
        Peak signal-to-noise ratio in dB; the data range is maximum minus minimum of the target. None where there is
        no such model, or no number.
    ssim_input, ssim_before, ssim_after : float or None
        Structural similarity (Gaussian window, sigma 1.5 px).
    """

    name: str
    field: str = ""
    psnr_input: float | None = None
    psnr_before: float | None = None
    psnr_after: float | None = None
    ssim_input: float | None = None
    ssim_before: float | None = None
    ssim_after: float | None = None


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What a training brought on held-out images.

    Parameters
    ----------
    images : tuple of ImageScores
        One for each image that was restored.
    before_model : str or None
        Id of the model compared with: the one that training started from, else the shipped one of the task. None:
        there is none, and `mean_gain_db` compares with the unrestored input.
    after_model : str
        Id of the trained model.
    unit : {"image", "block"}
        What the test counts: means over fields of view, or blocks of images where there are too few fields.
    units, fields : int
        Number of those, and of held-out fields of view.
    affine : bool
        Scores are taken after the gain and offset that fit each picture best to its target: the intensities of
        the pairs had to be fitted. Otherwise they are plain.
    parts : bool
        What is held out are parts of images whose rest was trained on, as no image could be held out whole.
    known : int
        Held-out images that the model before was trained on already.
    mean_gain_db, spread_db : float or None
        Mean and standard deviation over the units of the difference in PSNR, after minus before.
    ssim_gain : float or None
        Mean over the images of the difference in SSIM.
    p_value : float or None
        Wilcoxon signed-rank test over the units, two-sided.
    verdict : {"better", "no clear difference", "worse", "not assessed"}
        What the test says.
    words : str
        Two or three sentences, with the test and its limits.
    """

    images: tuple[ImageScores, ...] = ()
    before_model: str | None = None
    after_model: str = ""
    unit: Unit = "image"
    units: int = 0
    fields: int = 0
    affine: bool = False
    parts: bool = False
    known: int = 0
    mean_gain_db: float | None = None
    spread_db: float | None = None
    ssim_gain: float | None = None
    p_value: float | None = None
    verdict: Verdict = "not assessed"
    words: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "images": [asdict(one) for one in self.images]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Assessment:
        """What `to_dict` gave; fields of a later version are left out.

        Raises
        ------
        InputError
            If something is missing or of another kind.
        """
        try:
            known = {entry.name for entry in fields(cls)}
            given = {name: value for name, value in values.items() if name in known}
            own = {entry.name for entry in fields(ImageScores)}
            given["images"] = tuple(
                ImageScores(**{name: value for name, value in one.items() if name in own})
                for one in given.get("images", ())
            )
            if given.get("verdict", "not assessed") not in get_args(Verdict):
                raise ValueError(f"the verdict {given['verdict']!r} is unknown")
            return cls(**given)
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"The assessment cannot be read ({error}); let the model be assessed again."
            ) from error


@dataclass(frozen=True, eq=False, kw_only=True)
class Examples:
    """Crops of held-out images, from the one that gained most to the one that gained least or lost.

    Parameters
    ----------
    names : tuple of str
        Image and place of each crop.
    gains_db : tuple of float
        Difference in PSNR within the crop, after minus before.
    input : ndarray
        ``(N, Y, X)`` float32 in the input's grey values, on the input's own pixels; of a burst the mean of its frames.
    before, after, target : ndarray
        ``(N, Y * scale, X * scale)`` float32 on the same intensity scale. `before` is None if there is no such model.
    scale : int
        Output pixels an input pixel, along each side.
    """

    names: tuple[str, ...]
    gains_db: tuple[float, ...]
    input: Float
    before: Float | None
    after: Float
    target: Float
    scale: int


def read_assessment(run_folder: str | Path) -> Assessment | None:
    """The assessment of a training run; None if it has none.

    Raises
    ------
    InputError
        If ``assessment.json`` is damaged.
    """
    path = Path(run_folder) / ASSESSMENT
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); let the model be assessed again.") from error
    return Assessment.from_dict(values)


def write_assessment(run_folder: str | Path, assessment: Assessment) -> None:
    """Write ``assessment.json``, whole or not at all."""
    text = json.dumps(assessment.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes_atomically(Path(run_folder) / ASSESSMENT, text.encode())


def read_examples(run_folder: str | Path) -> Examples | None:
    """The best and worst crops of an assessment; None if there are none.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(run_folder) / EXAMPLES
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            said = json.loads((file.metadata() or {})["examples"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        return Examples(
            names=tuple(said["names"]), gains_db=tuple(map(float, said["gains_db"])), scale=int(said["scale"]),
            input=arrays["input"], before=arrays.get("before"), after=arrays["after"], target=arrays["target"],
        )  # fmt: skip
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}); let the model be assessed again.") from error


def write_examples(run_folder: str | Path, examples: Examples) -> None:
    """Write ``assessment.safetensors``, whole or not at all."""
    from safetensors.numpy import save

    given: Sequence[tuple[str, Float | None]] = [
        ("input", examples.input), ("before", examples.before), ("after", examples.after), ("target", examples.target),
    ]  # fmt: skip
    arrays = {name: np.ascontiguousarray(one, dtype=np.float32) for name, one in given if one is not None}
    said = {"names": examples.names, "gains_db": examples.gains_db, "scale": examples.scale}
    data = save(arrays, metadata={"examples": json.dumps(said)})
    write_bytes_atomically(Path(run_folder) / EXAMPLES, data)
