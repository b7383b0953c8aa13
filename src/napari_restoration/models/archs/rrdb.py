"""RRDB: super-resolution by residual-in-residual dense blocks without normalisation.

After "Microscopy Image Restoration using Deep Learning on W2S", whose generator is ESRGAN's with one x2 step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import ConvBlock, activation, conv, enlarge
from napari_restoration.models.archs.dense import RRDB
from napari_restoration.models.archs.reach import Reach, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number

# Convolutions on the longest path through one RRDB: three dense blocks of five.
_DEEP = 15


@dataclass(frozen=True, kw_only=True)
class RRDBSettings(ArchSettings):
    """Settings of `RRDBNet`; the defaults are the paper's.

    Parameters
    ----------
    channels
        Channels of the input and of the output.
    maps
        Maps between the blocks.
    growth
        New maps of each convolution inside a dense block.
    blocks
        Number of RRDB.
    upconv
        Convolve once more right after each enlarging, as ESRGAN does.
    scale
        Output pixels an input pixel, per axis: 2, or 4 as ESRGAN's own.
    """

    channels: int = number(1, 1, 64)
    maps: int = number(64, 1, 256)
    growth: int = number(32, 1, 128)
    blocks: int = number(23, 1, 64)
    upconv: bool = choice(False, True)
    scale: int = choice(2, 4)

    @property
    def geometry(self) -> Geometry:
        """Images in, images twice (or four times) as wide and high out."""
        return Geometry(
            in_channels=self.channels,
            out_channels=self.channels,
            scale=self.scale,
            size_multiple=1,
            receptive_field=half_field(self._trace, size_multiple=1, scale=self.scale),
        )

    def _trace(self, x: Reach) -> Reach:
        x = x.conv(3, 2 + _DEEP * self.blocks)
        for _ in range(self.scale // 2):
            x = x.enlarge_nearest().conv(3, int(self.upconv))
        return x.conv(3, 2)


class RRDBNet(nn.Module):
    """Super-resolution: (B, C, H, W) with values of about 0 to 1 -> (B, C, scale * H, scale * W), linear."""

    Settings: ClassVar[type[ArchSettings]] = RRDBSettings

    def __init__(self, settings: RRDBSettings) -> None:
        super().__init__()
        maps = settings.maps
        self.first = conv(settings.channels, maps)
        self.trunk = nn.Sequential(*(RRDB(maps, settings.growth) for _ in range(settings.blocks)))
        self.trunk_conv = conv(maps, maps)
        self.scale = settings.scale
        self.upconv = conv(maps, maps) if settings.upconv else None
        self.second_upconv = conv(maps, maps) if settings.upconv and settings.scale == 4 else None
        self.up_act = activation("lrelu0.2")
        self.fine = ConvBlock(maps, maps, act="lrelu0.2")
        self.last = conv(maps, settings.channels)

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: a tenth of He-normal, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
                # Larger first weights shift the brightness through so many residual sums.
                with torch.no_grad():
                    module.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Restore images of any size."""
        h = self.first(x)
        h = enlarge(h + self.trunk_conv(self.trunk(h)), "nearest")
        if self.upconv is not None:
            h = self.upconv(h)
        if self.scale == 4:
            h = enlarge(self.up_act(h), "nearest")
            h = h if self.second_upconv is None else self.second_upconv(h)
        out: Tensor = self.last(self.fine(self.up_act(h)))
        return out
