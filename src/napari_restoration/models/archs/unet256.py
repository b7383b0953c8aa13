"""The U-Net of Pix2Pix: eight halvings down to a single pixel of a 256x256 image.

After Isola et al. 2017, "Image-to-image translation with conditional adversarial networks" (the 256x256
generator); one of the methods that refocusing networks are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import activation, conv, norm_layer
from napari_restoration.models.archs.reach import Reach, half_field
from napari_restoration.models.archs.resnet import draw_narrow
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number
from napari_restoration.models.archs.upsampling import transposed

_WIDTH = 4
_WIDEST = 8
_DROPPED = 3


@dataclass(frozen=True, kw_only=True)
class UNet256Settings(ArchSettings):
    """Settings of `UNet256`; the defaults are the paper's.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the input and of the output.
    base
        Maps of the first convolution; they double with each halving up to eight times as many.
    depth
        Number of halvings.
    dropout
        Share of the values dropped, in training only, in the innermost stages that have the most maps (three
        of them for depth 8).
    norm
        "batch", or "instance", which normalises each image by its own statistics.
    """

    in_channels: int = number(1, 1, 64)
    out_channels: int = number(1, 1, 64)
    base: int = number(64, 1, 256)
    depth: int = number(8, 2, 9)
    dropout: float = number(0.5, 0.0, 0.9)
    norm: Literal["batch", "instance"] = choice("batch", "instance")

    @property
    def widths(self) -> list[int]:
        """Maps after each halving."""
        return [self.base * min(2**level, _WIDEST) for level in range(self.depth)]

    @property
    def geometry(self) -> Geometry:
        """Images in, images of the same size out."""
        multiple = 2**self.depth
        return Geometry(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            size_multiple=multiple,
            receptive_field=half_field(self._trace, size_multiple=multiple),
            whole_image=self.norm == "instance",
        )

    def _trace(self, x: Reach) -> Reach:
        skips = [x]
        for _ in range(self.depth):
            skips.append(skips[-1].shrinking(_WIDTH, 2))
        x = skips.pop()
        for skip in reversed(skips[1:]):
            x = x.transposed(_WIDTH).join(skip)
        return x.transposed(_WIDTH)


class UNet256(nn.Module):
    """Pix2Pix generator: (B, C, H, W) with values of about -1 to 1 -> (B, C', H, W) between -1 and 1."""

    Settings: ClassVar[type[ArchSettings]] = UNet256Settings

    def __init__(self, settings: UNet256Settings) -> None:
        super().__init__()
        widths, deepest = settings.widths, settings.depth - 1
        # A bias before a batch norm would be taken out again.
        biased = settings.norm == "instance"
        before = [settings.in_channels, *widths]
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Identity() if level == 0 else nn.LeakyReLU(0.2),
                conv(before[level], width, _WIDTH, stride=2, bias=biased),
                nn.Identity() if level in (0, deepest) else norm_layer(settings.norm, width),
            )
            for level, width in enumerate(widths)
        )
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                transposed(
                    (1 if level == deepest else 2) * widths[level], widths[level - 1], _WIDTH, bias=biased
                ),
                norm_layer(settings.norm, widths[level - 1]),
                nn.Dropout(settings.dropout if deepest - _DROPPED <= level < deepest else 0.0),
            )
            for level in range(deepest, 0, -1)
        )
        self.last = nn.Sequential(
            activation("relu"), transposed(2 * widths[0], settings.out_channels, _WIDTH), nn.Tanh()
        )

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: N(0, 0.02), biases 0."""
        draw_narrow(self)

    def forward(self, x: Tensor) -> Tensor:
        """Restore images; H and W multiples of ``2 ** depth``."""
        skips: list[Tensor] = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = skips.pop()
        for stage in self.up:
            x = torch.cat([skips.pop(), stage(x)], dim=1)
        out: Tensor = self.last(x)
        return out
