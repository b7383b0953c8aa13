"""CARE: a plain U-Net with a global residual and, on request, a Laplace scale for every pixel.

After "Semi-Synthetic Test Data Generation and Content-aware Image Restoration of Fluorescent Microscopy
Images", whose network is that of content-aware restoration (CARE): the second convolution of each decoder
stage already has the next stage's width. Works on planes and on volumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_restoration.models.archs.blocks import DoubleConv, conv, enlarge
from napari_restoration.models.archs.reach import Reach, deepest_first, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number

SMALLEST_SCALE = 1e-3


@dataclass(frozen=True, kw_only=True)
class CARESettings(ArchSettings):
    """Settings of `CARE`; the defaults are the paper's in 2D.

    Parameters
    ----------
    channels
        Channels of the input and of the restored image.
    ndim
        2 for planes, 3 for volumes (then every spatial axis is halved).
    base
        Maps at full resolution; they double with each halving.
    depth
        Number of halvings.
    kernel
        Width of the convolutions.
    probabilistic
        Give a Laplace scale b for each mean: the output's channels are the means, then the scales.
    """

    channels: int = number(1, 1, 64)
    ndim: int = choice(2, 3)
    base: int = number(32, 1, 256)
    depth: int = number(2, 1, 6)
    kernel: int = choice(5, 3, 7)
    probabilistic: bool = choice(True, False)

    @property
    def geometry(self) -> Geometry:
        """Images in, images of the same size out."""
        multiple = 2**self.depth
        return Geometry(
            ndim=self.ndim,
            in_channels=self.channels,
            out_channels=self.channels,
            laplace_scale=self.probabilistic,
            size_multiple=multiple,
            receptive_field=half_field(self._trace, size_multiple=multiple),
        )

    def _trace(self, x: Reach) -> Reach:
        skips: list[Reach] = []
        for _ in range(self.depth):
            skips.append(x.conv(self.kernel, 2))
            x = skips[-1].pool()
        x = x.conv(self.kernel, 2)
        for skip in reversed(skips):
            x = x.enlarge_nearest().join(skip).conv(self.kernel, 2)
        return x


class CARE(nn.Module):
    """Restoration U-Net: (B, C, [Z,] Y, X), percentile-normalised -> (B, C or 2C, [Z,] Y, X)."""

    Settings: ClassVar[type[ArchSettings]] = CARESettings

    def __init__(self, settings: CARESettings) -> None:
        super().__init__()
        ndim, kernel = settings.ndim, settings.kernel
        widths = [settings.base * 2**level for level in range(settings.depth)]
        inputs = [settings.channels, *widths[:-1]]
        narrowed = [widths[0], *widths[:-1]]
        self.encoder = nn.ModuleList(
            DoubleConv(before, width, width, kernel, ndim=ndim)
            for before, width in zip(inputs, widths, strict=True)
        )
        self.middle = DoubleConv(widths[-1], 2 * widths[-1], widths[-1], kernel, ndim=ndim)
        self.decoder = nn.ModuleList(
            DoubleConv(2 * width, width, after, kernel, ndim=ndim)
            for width, after in zip(widths, narrowed, strict=True)
        )
        self.pool = nn.MaxPool2d(2) if ndim == 2 else nn.MaxPool3d(2)
        self.mean = conv(widths[0], settings.channels, 1, ndim=ndim)
        self.scale = conv(widths[0], settings.channels, 1, ndim=ndim) if settings.probabilistic else None

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: Glorot-uniform, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Restore images; sizes multiples of ``2 ** depth``.

        Returns
        -------
        Tensor
            Means; with ``probabilistic`` followed by as many channels of scales ``b >= 0.001``.
        """
        skips: list[Tensor] = []
        h = x
        for stage in self.encoder:
            skips.append(stage(h))
            h = self.pool(skips[-1])
        h = self.middle(h)
        for level in deepest_first(len(self.decoder)):
            h = self.decoder[level](torch.cat([enlarge(h, "nearest"), skips.pop()], dim=1))
        mean: Tensor = self.mean(h) + x
        if self.scale is None:
            return mean
        return torch.cat([mean, functional.softplus(self.scale(h)) + SMALLEST_SCALE], dim=1)
