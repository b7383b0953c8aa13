"""The two critics of DeblurGAN-v2, one for small patches and one for large ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from napari_restoration.models.archs.critics import PatchDiscriminator, PatchSettings, smallest_side
from napari_restoration.models.archs.resnet import draw_narrow
from napari_restoration.models.archs.settings import CheckedSettings, choice, number


@dataclass(frozen=True, kw_only=True)
class PatchPairSettings(CheckedSettings):
    """Settings of `PatchPair`; the defaults are DeblurGAN-v2's.

    Parameters
    ----------
    channels
        Channels of the image that is judged.
    maps
        Maps of the first convolutions.
    halvings_patch, halvings_full
        Convolutions of stride 2 of the two critics.
    norm
        See `PatchSettings`.
    """

    channels: int = number(1, 1, 64)
    maps: int = number(64, 1, 256)
    halvings_patch: int = number(3, 1, 6)
    halvings_full: int = number(5, 1, 6)
    norm: Literal["instance", "batch", "none"] = choice("instance", "batch", "none")

    @property
    def smallest_side(self) -> int:
        """Side in pixels of the smallest image that both critics can judge."""
        return smallest_side(max(self.halvings_patch, self.halvings_full))


class PatchPair(nn.Module):
    """DeblurGAN-v2's two critics, one of patches of 70 pixels and one of 286: (B, C, H, W) -> two maps of scores.

    Their losses are averaged.
    """

    Settings: ClassVar[type[CheckedSettings]] = PatchPairSettings
    gives_logits: ClassVar[bool] = True

    def __init__(self, settings: PatchPairSettings) -> None:
        super().__init__()
        self.settings = settings
        self.patch, self.full = (
            PatchDiscriminator(
                PatchSettings(
                    channels=settings.channels, maps=settings.maps, halvings=halvings, norm=settings.norm
                )
            )
            for halvings in (settings.halvings_patch, settings.halvings_full)
        )

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: N(0, 0.02), biases 0."""
        draw_narrow(self)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the patch critic and of the full critic."""
        return self.patch(image), self.full(image)
