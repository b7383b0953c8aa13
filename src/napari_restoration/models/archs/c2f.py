"""C2F: coarse-to-fine deblurring by nested U-Nets that hand their decoder's features to the next finer one.

After "Defocus deblur microscopy via feature interactive coarse-to-fine network". Level 1 is the finest; level
n works on the image reduced ``n - 1`` times. The layout follows the printed parameter counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_restoration.models.archs.blocks import DoubleConv, conv, enlarge
from napari_restoration.models.archs.reach import Reach, deepest_first, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number

Transfer = Literal["residual", "concat"]


@dataclass(frozen=True, kw_only=True)
class C2FSettings(ArchSettings):
    """Settings of `C2F`; the defaults are the paper's best with residual transfer.

    Parameters
    ----------
    channels
        Channels of the input and of the output (dyes).
    levels
        Number N of scales, each with its own U-Net; fewer than or as many as `depth`.
    base
        Maps at the full resolution of each level; they double with each halving.
    depth
        Halvings of the finest level; each coarser level has one fewer.
    transfer
        How features enter the next finer level's encoder: added ("residual") or concatenated ("concat").
    all_levels_take_prediction
        Also give the finest level the enlarged prediction of the level below (the paper's formula; its
        parameter counts say otherwise).
    """

    channels: int = number(1, 1, 64)
    levels: int = number(4, 1, 6)
    base: int = number(16, 1, 256)
    depth: int = number(4, 1, 6)
    transfer: Transfer = choice("residual", "concat")  # noqa: RUF009
    all_levels_take_prediction: bool = choice(False, True)

    def __post_init__(self) -> None:
        """Check the limits; every level must be able to halve at least once."""
        super().__post_init__()
        if self.levels > self.depth:
            raise ValueError(f"levels is {self.levels}, it must not exceed depth, which is {self.depth}")

    def takes_prediction(self, level: int) -> bool:
        """Whether `level` (1 = finest) also reads the enlarged prediction of the level below it."""
        return level < self.levels and (level > 1 or self.all_levels_take_prediction)

    @property
    def geometry(self) -> Geometry:
        """Images in, images of the same size out."""
        multiple = 2**self.depth
        return Geometry(
            in_channels=self.channels,
            out_channels=self.channels,
            size_multiple=multiple,
            receptive_field=half_field(self._trace, size_multiple=multiple),
        )

    def _trace(self, x: Reach) -> Reach:
        images = [x]
        for _ in range(1, self.levels):
            images.append(images[-1].pool())
        below: list[Reach] = []
        for level in range(self.levels, 0, -1):
            h = images[level - 1]
            if self.takes_prediction(level):
                h = h.join(below[0].enlarge_bilinear())
            below = self._trace_level(h, below, self.depth + 1 - level)
        return below[0]

    @staticmethod
    def _trace_level(x: Reach, below: list[Reach], depth: int) -> list[Reach]:
        skips: list[Reach] = []
        for i in range(depth + 1):
            x = (x.pool() if i else x).conv(3, 2)
            if below and 0 < i < depth:
                x = x.join(below[i - 1])
            skips.append(x)
        decoded: list[Reach] = []
        for i in deepest_first(depth):
            x = x.enlarge_nearest().join(skips[i]).conv(3, 2)
            decoded.insert(0, x)
        return decoded


class Level(nn.Module):
    """One U-Net of the nest.

    Parameters
    ----------
    inputs, channels
        Channels of its input and of its prediction.
    base, depth
        Maps at its full resolution, number of halvings.
    received
        "none" for the coarsest level, else how it takes features from the level below.
    """

    def __init__(
        self, inputs: int, channels: int, base: int, depth: int, received: Transfer | Literal["none"]
    ) -> None:
        super().__init__()
        self.received = received
        widths = [base * 2**i for i in range(depth + 1)]
        # Concatenated features have half the maps of the stage that takes them; the outermost stages take none.
        skips = [
            width + width // 2 if received == "concat" and 0 < i < depth else width
            for i, width in enumerate(widths)
        ]
        self.encoder = nn.ModuleList(
            DoubleConv(before, width, width, norm="batch")
            for before, width in zip([inputs, *skips[:-1]], widths, strict=True)
        )
        self.bottleneck_norm = nn.BatchNorm2d(widths[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in widths[:-1])
        self.decoder = nn.ModuleList(
            DoubleConv(width + skip, width, width, norm="batch")
            for width, skip in zip(widths[:-1], skips[:-1], strict=True)
        )
        self.head = conv(base, channels, 1)

    def forward(self, x: Tensor, below: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """(B, inputs, H, W) and the decoder features of the level below -> prediction, own features."""
        skips: list[Tensor] = []
        h = x
        deepest = len(self.encoder) - 1
        for i, stage in enumerate(self.encoder):
            h = stage(functional.max_pool2d(h, 2) if i else h)
            if self.received != "none" and 0 < i < deepest:
                h = self._receive(h, below[i - 1])
            skips.append(h)
        h = self.bottleneck_norm(skips.pop())
        decoded: list[Tensor] = []
        for i in deepest_first(deepest):
            h = self.decoder[i](torch.cat([self.up[i](h), skips.pop()], dim=1))
            decoded.insert(0, h)
        return self.head(h), decoded

    def _receive(self, encoded: Tensor, features: Tensor) -> Tensor:
        if self.received == "concat":
            return torch.cat([encoded, features], dim=1)
        # Half as many maps: each is added twice, which needs no parameters.
        return encoded + torch.cat([features, features], dim=1)


class C2F(nn.Module):
    """Nested U-Nets: (B, C, H, W) with values of about 0 to 1 -> (B, C, H, W), linear."""

    Settings: ClassVar[type[ArchSettings]] = C2FSettings

    def __init__(self, settings: C2FSettings) -> None:
        super().__init__()
        self.takes_prediction = [settings.takes_prediction(n) for n in range(1, settings.levels + 1)]
        channels = settings.channels
        self.levels = nn.ModuleList(
            Level(
                2 * channels if takes else channels,
                channels,
                settings.base,
                settings.depth - n,
                "none" if n == settings.levels - 1 else settings.transfer,
            )
            for n, takes in enumerate(self.takes_prediction)
        )

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: He-normal; biases as torch draws them."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Restore images; H and W multiples of ``2 ** depth``.

        Returns
        -------
        Tensor or tuple of Tensor
            The restored image; in training mode the predictions of all levels, finest first, of which
            ``pyramid(target, levels)`` gives the targets.
        """
        images = pyramid(x, len(self.levels))
        predictions: list[Tensor] = []
        features: list[Tensor] = []
        for n in deepest_first(len(self.levels)):
            h = images[n]
            if self.takes_prediction[n]:
                h = torch.cat([h, enlarge(predictions[0], "bilinear")], dim=1)
            prediction, features = self.levels[n](h, features)
            predictions.insert(0, prediction)
        return tuple(predictions) if self.training else predictions[0]


def pyramid(x: Tensor, levels: int) -> list[Tensor]:
    """The image and its ``levels - 1`` successive 2x2 means, finest first."""
    images = [x]
    for _ in range(1, levels):
        images.append(functional.avg_pool2d(images[-1], 2))
    return images
