"""BDU: burst restoration by a dense U-Net whose frames exchange nothing but maxima.

After "TEM image restoration from fast image streams" (pooling over sets as by Aittala and Durand, layers as
in FC-DenseNet56): all frames share the weights, the maximum over the frames is concatenated in the encoder,
and a last maximum merges them. The order of the frames does not matter and any number of them works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import conv
from napari_restoration.models.archs.dense import DenseBlock, TransitionDown
from napari_restoration.models.archs.frames import frame_max, frame_pool
from napari_restoration.models.archs.reach import Reach, deepest_first, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number
from napari_restoration.models.archs.upsampling import Upsampling, up


@dataclass(frozen=True, kw_only=True)
class BDUSettings(ArchSettings):
    """Settings of `BDU`; the defaults are the paper's.

    Parameters
    ----------
    channels
        Channels of each frame and of the output.
    first
        Maps of the first convolution.
    growth, layers
        New maps a dense layer, dense layers a block.
    depth
        Number of halvings.
    dropout
        Probability of dropping a whole map, in training only.
    upsampling
        "nearest_conv" (no checkerboard) or "transposed"; both have the same number of parameters.
    pooled_skips
        Give the decoder the encoder's maps together with their maximum over the frames.
    """

    channels: int = number(1, 1, 64)
    first: int = number(48, 1, 512)
    growth: int = number(12, 1, 128)
    layers: int = number(4, 1, 16)
    depth: int = number(4, 1, 6)
    dropout: float = number(0.2, 0.0, 0.9)
    upsampling: Upsampling = choice("nearest_conv", "transposed")  # noqa: RUF009
    pooled_skips: bool = choice(True, False)

    @property
    def geometry(self) -> Geometry:
        """Bursts in, single planes of the same size out."""
        multiple = 2**self.depth
        return Geometry(
            in_channels=self.channels,
            out_channels=self.channels,
            burst=True,
            size_multiple=multiple,
            receptive_field=half_field(self._trace, size_multiple=multiple),
        )

    def _trace(self, x: Reach) -> Reach:
        stack = x.conv(3)
        skips: list[Reach] = []
        for _ in range(self.depth):
            skips.append(stack.conv(3, self.layers))
            stack = skips[-1].pool()
        stack = stack.conv(3, self.layers)
        for skip in reversed(skips):
            enlarged = stack.enlarge_nearest().conv(3)
            stack = enlarged.join(skip).conv(3, self.layers)
        return stack


class BDU(nn.Module):
    """Dense burst U-Net: (B, T, C, H, W) with values of about 0 to 1 -> (B, C, H, W), linear."""

    Settings: ClassVar[type[ArchSettings]] = BDUSettings

    def __init__(self, settings: BDUSettings) -> None:
        super().__init__()
        growth, layers, dropout = settings.growth, settings.layers, settings.dropout
        new = layers * growth
        self.pooled_skips = settings.pooled_skips
        self.first = conv(settings.channels, settings.first)
        widths = [settings.first + (level + 1) * new for level in range(settings.depth)]
        skips = [(2 if settings.pooled_skips else 1) * width for width in widths]
        self.encoder = nn.ModuleList(DenseBlock(width - new, growth, layers, dropout) for width in widths)
        self.down = nn.ModuleList(TransitionDown(2 * width, width, dropout) for width in widths)
        self.bottleneck = DenseBlock(widths[-1], growth, layers, dropout)
        self.up = nn.ModuleList(up(settings.upsampling, new, new) for _ in widths)
        self.decoder = nn.ModuleList(DenseBlock(new + skip, growth, layers, dropout) for skip in skips)
        self.last = conv(2 * new + skips[0], settings.channels, 1)

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: He-uniform, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Restore bursts; any T >= 1, H and W multiples of ``2 ** depth``."""
        frames = x.shape[1]
        stack = self.first(x.flatten(0, 1))
        skips: list[Tensor] = []
        for block, down in zip(self.encoder, self.down, strict=True):
            stack, _ = block(stack)
            pooled = frame_pool(stack, frames)
            skips.append(pooled if self.pooled_skips else stack)
            stack = down(pooled)
        stack, new = self.bottleneck(stack)
        for level in deepest_first(len(self.decoder)):
            stack, new = self.decoder[level](torch.cat([self.up[level](new), skips.pop()], dim=1))
        out: Tensor = self.last(frame_max(stack, frames))
        return out
