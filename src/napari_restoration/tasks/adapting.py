"""A network's batch norms adapted to one image before it is restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.sample_windows import SEED, sample_windows

if TYPE_CHECKING:
    from napari_restoration.tasks.blocks import BlockRestorer


def adapt_to_image(restorer: BlockRestorer) -> Task[None]:
    """Estimate the statistics that this image's intensities ask for, and hand them to the restorer.

    The model is unchanged when this ends, whether by an error, by being stopped or well: the statistics are put in
    for single predictions only (see `Adaptation`). Channels that are restored one by one have statistics each.

    Parameters
    ----------
    restorer : BlockRestorer
        Its normalisation is known; the model is a network with batch norms.

    Yields
    ------
    Progress
        After each forward pass.
    """
    if not restorer.settings.adapt:
        return
    from napari_restoration.models.adaptation import PASSES, Adaptation
    from napari_restoration.models.loader import RestorationModel

    assert isinstance(restorer.model, RestorationModel)  # classical methods were refused by their card
    yield Progress(done=0, total=PASSES, message="Adapting the network to this image")
    for key, windows in sample_windows(restorer, PASSES).items():
        adaptation = Adaptation(restorer.model)
        yield from adaptation.iter_adapt([window.values[None] for window in windows])
        adaptation.set_aside()
        restorer.adaptations[key] = adaptation


def describe_adaptation(restorer: BlockRestorer) -> list[dict[str, Any]]:
    """For the provenance: forward passes and patches for each part of the image with statistics of its own."""
    if not restorer.adaptations:
        return []
    from napari_restoration.models.adaptation import PASSES

    return [
        {**dict(key), "passes": PASSES, "patches": adaptation.images, "seed": SEED}
        for key, adaptation in restorer.adaptations.items()
    ]
