"""The ResNet generator of adversarial refocusing and deblurring: COMI, CycleGAN, DeblurGAN.

After "Correction of out-of-focus microscopic images by deep learning", whose generator is that of Johnson et al.
(2016) as DeblurGAN and CycleGAN use it: instance norm, nine residual blocks at a quarter of the size, and a
``tanh`` that is added to the input (in CycleGAN it is the output).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import (
    ConvBlock,
    InstanceNorm,
    ResBlock,
    activation,
    conv,
)
from napari_restoration.models.archs.reach import Reach, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number
from napari_restoration.models.archs.upsampling import (
    UPSAMPLING,
    Upsampling,
    make_shuffles_even,
    trace_up,
    up,
)

Downsampling = Literal["stride_conv", "conv_avgpool"]

_MULTIPLE = 4
FIRST_SPREAD = 0.02
"""Standard deviation of the first weights of this family of generators and critics."""


@dataclass(frozen=True, kw_only=True)
class ResNetSettings(ArchSettings):
    """Settings of `ResNetGenerator`; the defaults are COMI's.

    Parameters
    ----------
    channels
        Channels of the input and of the output.
    maps
        Maps of the first convolution; four times as many between the residual blocks.
    blocks
        Residual blocks.
    upsampling
        How maps are enlarged: "nearest_conv" (COMI's code) or "transposed" (its text) have the same number of
        parameters; see `upsampling.up` for the others.
    downsampling
        "stride_conv" (the paper's), or "conv_avgpool": convolve at full size, then take 2x2 means. A convolution of
        stride 2 reads some pixels more often than others, so that what is learned from the critics comes back as
        a checkerboard; means read all alike, at four times the work of these two layers.
    residual
        Add the input to the ``tanh``; without (CycleGAN) the output lies in -1 to 1.
    clamp
        Limit the restored image to -1 to 1, in evaluation only, as COMI does for images that lie in that range.
    """

    channels: int = number(1, 1, 64)
    maps: int = number(64, 1, 256)
    blocks: int = number(9, 1, 64)
    upsampling: Upsampling = choice(*UPSAMPLING)  # noqa: RUF009
    downsampling: Downsampling = choice("stride_conv", "conv_avgpool")  # noqa: RUF009
    residual: bool = choice(True, False)
    clamp: bool = choice(True, False)

    @property
    def geometry(self) -> Geometry:
        """Images in, images of the same size out; instance norm looks at the whole image."""
        return Geometry(
            in_channels=self.channels,
            out_channels=self.channels,
            size_multiple=_MULTIPLE,
            receptive_field=half_field(self._trace, size_multiple=_MULTIPLE),
            whole_image=True,
        )

    def _trace(self, x: Reach) -> Reach:
        x = x.conv(7)
        for _ in range(2):
            x = x.shrinking(3, 2) if self.downsampling == "stride_conv" else x.conv(3).pool()
        x = x.conv(3, 2 * self.blocks)
        for _ in range(2):
            x = trace_up(self.upsampling, x)
        return x.conv(7)


class ResNetGenerator(nn.Module):
    """Residual generator: (B, C, H, W) with values of about -1 to 1 -> (B, C, H, W)."""

    Settings: ClassVar[type[ArchSettings]] = ResNetSettings

    def __init__(self, settings: ResNetSettings) -> None:
        super().__init__()
        maps, channels = settings.maps, settings.channels
        self.residual, self.clamp = settings.residual, settings.clamp
        self.first = ConvBlock(channels, maps, 7, norm="instance", pad="reflect")
        self.down = nn.Sequential(
            down(settings.downsampling, maps, 2 * maps), InstanceNorm(), activation("relu"),
            down(settings.downsampling, 2 * maps, 4 * maps), InstanceNorm(), activation("relu"),
        )  # fmt: skip
        self.blocks = nn.Sequential(
            *(ResBlock(4 * maps, norm="instance", pad="reflect") for _ in range(settings.blocks))
        )
        self.up = nn.Sequential(
            up(settings.upsampling, 4 * maps, 2 * maps, pad="reflect"), InstanceNorm(), activation("relu"),
            up(settings.upsampling, 2 * maps, maps, pad="reflect"), InstanceNorm(), activation("relu"),
        )  # fmt: skip
        self.last = conv(maps, channels, 7, pad="reflect")

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: N(0, 0.02), biases 0."""
        draw_narrow(self)
        make_shuffles_even(self)

    def forward(self, x: Tensor) -> Tensor:
        """Restore images; H and W multiples of 4."""
        out = torch.tanh(self.last(self.up(self.blocks(self.down(self.first(x))))))
        if self.residual:
            out = out + x
        return out if self.training or not self.clamp else out.clamp(-1, 1)


def down(kind: Downsampling, inputs: int, outputs: int) -> nn.Module:
    """Halve the map by a 3x3 convolution of stride 2, or by one of stride 1 and 2x2 means."""
    if kind == "conv_avgpool":
        return nn.Sequential(conv(inputs, outputs), nn.AvgPool2d(2))
    return conv(inputs, outputs, stride=2)


def draw_narrow(network: nn.Module) -> None:
    """First weights of adversarial networks: convolutions N(0, 0.02), norms' gains N(1, 0.02), biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, FIRST_SPREAD)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, FIRST_SPREAD)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
