"""BU: burst restoration by a U-Net whose frames exchange nothing but maxima.

After "TEM image restoration from fast image streams", base network without dense blocks (pooling over sets as
by Aittala and Durand): all frames share the weights, the maximum over the frames is concatenated at each stage,
and a last maximum merges them. The order of the frames does not matter and any number of them works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import ConvBlock, conv
from napari_restoration.models.archs.frames import frame_max, frame_pool
from napari_restoration.models.archs.reach import Reach, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number
from napari_restoration.models.archs.upsampling import (
    UPSAMPLING,
    Upsampling,
    make_shuffles_even,
    trace_up,
    up,
)

_DEPTH = 4
_TRANSPOSED_WIDTH = 4
# Maps in units of half the first convolution's: the encoder's stages, then the decoder's.
_ENCODER = (4, 8, 12, 12)
_DECODER = (12, 8, 6, 3)


@dataclass(frozen=True, kw_only=True)
class BUSettings(ArchSettings):
    """Settings of `BU`; the defaults are the paper's.

    Parameters
    ----------
    channels
        Channels of each frame and of the output.
    first
        Maps of the first convolution, even; all other widths are in proportion.
    upsampling
        How maps are enlarged; the paper's is "transposed", 4 pixels wide; see `upsampling.up`.
    """

    channels: int = number(1, 1, 64)
    first: int = number(64, 2, 256)
    upsampling: Upsampling = choice("transposed", *(k for k in UPSAMPLING if k != "transposed"))  # noqa: RUF009

    def __post_init__(self) -> None:
        """Check the limits; some stages have one and a half times as many maps as the first convolution."""
        super().__post_init__()
        if self.first % 2:
            raise ValueError(f"first is {self.first}, it must be even")

    @property
    def geometry(self) -> Geometry:
        """Bursts in, single planes of the same size out."""
        return Geometry(
            in_channels=self.channels,
            out_channels=self.channels,
            burst=True,
            size_multiple=2**_DEPTH,
            receptive_field=half_field(self._trace, size_multiple=2**_DEPTH),
        )

    def _trace(self, x: Reach) -> Reach:
        skips = [x.conv(3)]
        for _ in range(_DEPTH):
            skips.append(skips[-1].shrinking(4, 2))
        x = skips.pop().conv(3)
        while skips:
            x = trace_up(self.upsampling, x, kernel=_TRANSPOSED_WIDTH).join(skips.pop()).conv(3)
        return x.conv(3, 2)


class BU(nn.Module):
    """Burst U-Net: (B, T, C, H, W) with values of about 0 to 1 -> (B, C, H, W), linear."""

    Settings: ClassVar[type[ArchSettings]] = BUSettings

    def __init__(self, settings: BUSettings) -> None:
        super().__init__()
        unit = settings.first // 2
        skips = [2 * unit, *(unit * share for share in _ENCODER)]
        widths = [unit * share for share in _DECODER]
        deepest = skips.pop()
        self.first = _block(settings.channels, settings.first, 3)
        self.mix = nn.ModuleList(
            _block(2 * inside, width, 1)
            for inside, width in zip(skips, (unit * share for share in _ENCODER), strict=True)
        )
        self.down = nn.ModuleList(_block(unit * share, unit * share, 4, stride=2) for share in _ENCODER)
        self.middle = _block(deepest, deepest, 3)
        self.up = nn.ModuleList(
            up(settings.upsampling, before, width, kernel=_TRANSPOSED_WIDTH)
            for before, width in zip([deepest, *widths], widths, strict=False)
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(_block(2 * width + skip, width, 1), _block(width, width, 3))
            for width, skip in zip(widths, reversed(skips), strict=True)
        )
        self.merge = _block(widths[-1], settings.first, 3)
        self.last = conv(settings.first, settings.channels)

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: He-normal, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        make_shuffles_even(self)

    def forward(self, x: Tensor) -> Tensor:
        """Restore bursts; any T >= 1, H and W multiples of 16."""
        frames = x.shape[1]
        h = self.first(x.flatten(0, 1))
        skips: list[Tensor] = []
        for mix, down in zip(self.mix, self.down, strict=True):
            skips.append(h)
            h = down(mix(frame_pool(h, frames)))
        h = self.middle(h)
        for enlarge, stage in zip(self.up, self.decoder, strict=True):
            h = stage(torch.cat([frame_pool(enlarge(h), frames), skips.pop()], dim=1))
        out: Tensor = self.last(self.merge(frame_max(h, frames)))
        return out


def _block(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> ConvBlock:
    return ConvBlock(inputs, outputs, kernel, stride=stride, norm="batch", act="elu")
