"""The record beside training pairs: every draw, and how to make a pair again from it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Task
from napari_restoration.core.provenance import software_versions, to_json
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.presets import Preset
from napari_restoration.degradations.step_choice import StepChoice
from napari_restoration.tasks.degrade import DegradeResult, prepare_degrade
from napari_restoration.tasks.degrade_plan import DegradePlan
from napari_restoration.tasks.degrade_settings import DegradeSettings, pixel_sizes

if TYPE_CHECKING:
    from napari_restoration.tasks.pairs import PairSettings

RECORD = "pairs.json"
VERSION = 1

_SAVE_EVERY_S = 5.0


def record_of(pair: str, level: str, plan: DegradePlan, result: DegradeResult) -> dict[str, Any]:
    """Return all that makes a pair again from its good image; see `repeat_pair`."""
    settings = result.provenance.settings
    source = dict(result.provenance.inputs[0])
    region = settings["region"]
    if [part[1] - part[0] for part in region] != [plan.image.size_of(axis) for axis in "YX"]:
        del source["sha256"]  # it is not that of the whole image
    return {
        "pair": pair, "level": level, "preset": plan.preset.id, "seed": plan.settings.seed, "region": region,
        "volume": plan.is_volume, "pixel_size_um": dict(pixel_sizes(plan.image, plan.settings)),
        "channel_wavelengths_um": list(plan.preset.channel_wavelengths_um),
        "source": source, "model": settings["model"],
    }  # fmt: skip


def repeat_pair(image: CalibratedImage, draw: Mapping[str, Any]) -> Task[DegradeResult]:
    """Make a recorded pair again, equal in every pixel.

    Parameters
    ----------
    image : CalibratedImage
        The good image that the draw names under ``"source"``.
    draw : mapping
        An entry of ``"pairs"`` in the record.

    Raises
    ------
    InputError
        If the entry lacks something, or the image is not of the recorded shape.
    """
    try:
        source, region, sizes = draw["source"], draw["region"], draw["pixel_size_um"]
        preset = Preset(
            id=draw["preset"], title=draw["preset"], order="as_listed",
            steps=tuple(StepChoice(step=step) for step in _drawn_steps(draw["model"])),
            channel_wavelengths_um=tuple(draw["channel_wavelengths_um"]),
        )  # fmt: skip
        settings = DegradeSettings(
            seed=draw["seed"],
            pixel_size_um=sizes.get("X", sizes.get("Y")),
            z_step_um=sizes.get("Z"),
            volume=draw["volume"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The record of the pair cannot be read ({error}): take one written with pairs."
        ) from error
    if list(image.shape) != list(source["shape"]) or image.axes != source["axes"]:
        raise InputError(
            f"{image.name!r} is {image.axes} {image.shape}, but the pair was made from {source['name']!r}, "
            f"{source['axes']} {tuple(source['shape'])}: take that image."
        )
    degrading = yield from prepare_degrade(image, preset, settings)
    y, x = (slice(*part) for part in region)
    return (yield from degrading.iter_run((y, x)))


class PairsRecord:
    """The record of a folder while its pairs are written.

    It is saved every few seconds, so that a process that is killed leaves nearly all of it, and seldom enough that
    saving a long one takes a twentieth of the time.

    Parameters
    ----------
    folder : Path
        Holds the pairs; the draws of earlier ones are kept.
    preset : Preset
        Of this run.
    settings : PairSettings
        Of this run.
    """

    def __init__(self, folder: Path, preset: Preset, settings: PairSettings) -> None:
        self.path = folder / RECORD
        self._head = {
            "version": VERSION,
            "software": software_versions(),
            "preset": preset.to_dict(),
            "settings": asdict(settings),
        }
        self._earlier = _earlier_draws(self.path)
        self._draws: list[Mapping[str, Any]] = []
        self._next_save = time.monotonic() + _SAVE_EVERY_S

    @property
    def pairs(self) -> tuple[str, ...]:
        """Names of the pairs of this run."""
        return tuple(draw["pair"] for draw in self._draws)

    def __len__(self) -> int:
        """Number of pairs of this run."""
        return len(self._draws)

    def add(self, draw: Mapping[str, Any]) -> None:
        """Add the draw of a pair that was written."""
        self._draws.append(draw)
        if time.monotonic() >= self._next_save:
            self.save()

    def save(self) -> None:
        """Write the record, if this run has made a pair."""
        if not self._draws:
            return
        started = time.monotonic()
        made = set(self.pairs)
        kept = [draw for draw in self._earlier if draw["pair"] not in made]
        record = {**self._head, "pairs": [*kept, *self._draws]}
        write_bytes_atomically(self.path, (json.dumps(json.loads(to_json(record)), indent=1) + "\n").encode())
        ended = time.monotonic()
        self._next_save = ended + max(_SAVE_EVERY_S, 20 * (ended - started))


def _earlier_draws(path: Path) -> list[dict[str, Any]]:
    """Draws of pairs that are in the folder already; none if there is no readable record."""
    try:
        draws = json.loads(path.read_text("utf-8"))["pairs"]
        return [draw for draw in draws if (path.parent / "input" / draw["pair"]).is_file()]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _drawn_steps(model: Mapping[str, Any]) -> list[Any]:
    return list(ForwardModel.from_dict(model).steps)
