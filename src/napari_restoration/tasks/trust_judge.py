"""Get ready to judge a restoration: its camera, its blur, the models it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.block_input import statistics_key
from napari_restoration.tasks.trust_calibration import calibration_of
from napari_restoration.tasks.trust_measurement import find_blur, find_camera
from napari_restoration.tasks.trust_plane import PlaneJudge
from napari_restoration.tasks.trust_settings import TrustSettings

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard
    from napari_restoration.tasks.blocks import BlockRestorer
    from napari_restoration.tasks.restoration import Restoration

# Planes that the camera is estimated from.
_PLANES = 4


def check_judgeable(card: ModelCard) -> None:
    """Refuse models whose results are not judged.

    Raises
    ------
    InputError
        For models of volumes and of several channels at once.
    """
    if card.ndim != 2:
        raise InputError(f"{card.id} restores volumes, but trust maps are made of planes: leave them out.")
    if card.in_channels != 1 or card.out_channels != 1:
        raise InputError(
            f"{card.id} restores {card.in_channels} channels at once, but trust maps are made channel by channel: "
            "leave them out."
        )


def make_judge(restoration: Restoration, settings: TrustSettings) -> Task[PlaneJudge]:
    """Estimate what is not known of the measurement, and load the other models.

    Parameters
    ----------
    restoration : Restoration
        As it was prepared for the run.
    settings : TrustSettings
        The user's choices.

    Yields
    ------
    Progress
        What is being done, in words.

    Raises
    ------
    InputError, ModelError
        If the model's results are not judged, or another model does not fit.
    """
    from napari_restoration.tasks.prepare import prepare

    restorer, card = restoration.restorer, restoration.card
    check_judgeable(card)
    yield Progress(done=0, total=0, message="Estimating the camera")
    cameras = {}
    for block in restoration.layout.blocks:
        key = statistics_key(block.sources[0])
        if key not in cameras and not block.is_alpha:
            planes = list(restorer.reader.sample_planes(dict(key), 0, _PLANES))
            cameras[key] = find_camera(planes, settings)
    others: list[BlockRestorer] = []
    for model in settings.models:
        other = yield from prepare(restoration.image, model, restoration.settings)
        if (other.card.scale, other.card.frames is None) != (card.scale, card.frames is None):
            raise InputError(f"{other.card.id} does not make the same image as {card.id}: leave it out.")
        others.append(other.restorer)
    return PlaneJudge(
        restorer=restorer,
        others=others,
        cameras=cameras,
        blur=find_blur(restoration.image, card, settings),
        calibration=calibration_of(card),
        settings=settings,
    )
