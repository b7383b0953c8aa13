"""DeblurGAN-v2: a feature pyramid on MobileNetV2, for single images or for adjacent frames as channels.

After Kupyn et al. 2019, "DeblurGAN-v2: deblurring (orders-of-magnitude) faster and better", as the comparator of
"TEM image restoration from fast image streams": three adjacent frames enter like red, green and blue, and the
result is the middle one plus a ``tanh``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import ConvBlock, Norm, conv, enlarge
from napari_restoration.models.archs.mobilenet import MobileNetBody, trace_body
from napari_restoration.models.archs.reach import Reach, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number

_MULTIPLE = 32


@dataclass(frozen=True, kw_only=True)
class DeblurGANv2Settings(ArchSettings):
    """Settings of `DeblurGANv2`; the defaults are the burst paper's comparator.

    Parameters
    ----------
    channels
        Channels of each frame and of the output.
    frames
        Adjacent frames that are read together, odd; 1 restores single images.
    maps
        Maps that are joined at a quarter of the size, even; the feature pyramid has twice as many.
    divide
        Divides the maps of the body; ImageNet weights fit 1 alone.
    norm
        "instance" (statistics of each image) or "batch", of the layers above the body.
    """

    channels: int = number(1, 1, 64)
    frames: int = choice(3, 1, 5, 7)
    maps: int = number(64, 2, 256)
    divide: int = choice(1, 2, 4, 8)
    norm: Literal["instance", "batch"] = choice("instance", "batch")

    def __post_init__(self) -> None:
        """Check the limits; the finest stage has half as many maps."""
        super().__post_init__()
        if self.maps % 2:
            raise ValueError(f"maps is {self.maps}, it must be even")

    @property
    def geometry(self) -> Geometry:
        """Bursts (or images) in, single planes of the same size out."""
        return Geometry(
            in_channels=self.channels,
            out_channels=self.channels,
            burst=self.frames > 1,
            size_multiple=_MULTIPLE,
            receptive_field=half_field(self._trace, size_multiple=_MULTIPLE),
            whole_image=self.norm == "instance",
        )

    @staticmethod
    def _trace(x: Reach) -> Reach:
        finest, *coarser = trace_body(x)
        merged = [coarser.pop()]
        while coarser:
            merged.insert(0, coarser.pop().join(merged[0].enlarge_nearest()).conv(3))
        heads: list[Reach] = []
        for times, one in enumerate(merged):
            head = one.conv(3, 2)
            for _ in range(times):
                head = head.enlarge_nearest()
            heads.append(head)
        joined = heads[0].join(*heads[1:]).conv(3).enlarge_nearest()
        return joined.join(finest).conv(3).enlarge_nearest().conv(3)


class DeblurGANv2(nn.Module):
    """FPN generator: (B, T, C, H, W), or (B, C, H, W) for one frame, values of about -1 to 1 -> (B, C, H, W)."""

    Settings: ClassVar[type[ArchSettings]] = DeblurGANv2Settings

    def __init__(self, settings: DeblurGANv2Settings) -> None:
        super().__init__()
        pyramid, maps, norm = 2 * settings.maps, settings.maps, settings.norm
        self.frames = settings.frames
        self.body = MobileNetBody(settings.channels * settings.frames, settings.divide)
        finest, *coarser = self.body.widths(settings.divide)
        self.finest = conv(finest, maps, 1, bias=False)
        self.lateral = nn.ModuleList(conv(width, pyramid, 1, bias=False) for width in coarser)
        self.top_down = nn.ModuleList(_block(pyramid, pyramid, norm) for _ in coarser[:-1])
        self.heads = nn.ModuleList(
            nn.Sequential(
                conv(pyramid, maps, bias=False), nn.ReLU(inplace=True),
                conv(maps, maps, bias=False), nn.ReLU(inplace=True),
            )
            for _ in coarser
        )  # fmt: skip
        self.smooth = _block(len(coarser) * maps, maps, norm)
        self.smooth_fine = _block(maps, maps // 2, norm)
        self.last = conv(maps // 2, settings.channels)

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: He-normal, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.body.initialise()

    def load_imagenet(self, path: str | Path) -> None:
        """Take the body's weights from a local file of torchvision's; see `MobileNetBody.load_imagenet`."""
        self.body.load_imagenet(path)

    def forward(self, x: Tensor) -> Tensor:
        """Restore images or bursts of any T >= 1; H and W multiples of 32.

        The frame in the middle (the later one of two) is restored, with its neighbours on both sides; where
        there is none the nearest frame stands in.
        """
        centre = x
        if self.frames > 1:
            middle, reach = x.shape[1] // 2, self.frames // 2
            near = [min(max(t, 0), x.shape[1] - 1) for t in range(middle - reach, middle + reach + 1)]
            centre, x = x[:, middle], x[:, near].flatten(1, 2)
        finest, *coarser = self.body(x)
        merged = self._pyramid(coarser)
        joined = torch.cat(
            [
                enlarge(head(one), "nearest", 2**level) if level else head(one)
                for level, (head, one) in enumerate(zip(self.heads, merged, strict=True))
            ],
            dim=1,
        )
        h = enlarge(self.smooth(joined), "nearest")
        h = enlarge(self.smooth_fine(h + self.finest(finest)), "nearest")
        return centre + torch.tanh(self.last(h))

    def _pyramid(self, maps: list[Tensor]) -> list[Tensor]:
        """Each map joined with the enlarged next coarser one, finest first."""
        lateral = [layer(one) for layer, one in zip(self.lateral, maps, strict=True)]
        merged = [lateral.pop()]
        for layer in reversed(self.top_down):
            merged.insert(0, layer(lateral.pop() + enlarge(merged[0], "nearest")))
        return merged


def _block(inputs: int, outputs: int, norm: Norm) -> ConvBlock:
    # The published layers have a bias before the norm.
    return ConvBlock(inputs, outputs, norm=norm)
