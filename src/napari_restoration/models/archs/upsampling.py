"""Ways to enlarge feature maps twice, and which of them leave a checkerboard.

A transposed convolution of stride 2 and a plain pixel shuffle give neighbouring pixels different weights: a
constant map comes out as a grid. `nearest_conv`, `bilinear_conv` and `transposed_box` cannot, whatever their
weights; `pixelshuffle_icnr` cannot before training, since its four sub-pixels start from equal weights (Aitken
et al. 2017, "Checkerboard artifact free sub-pixel convolution").
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_restoration.models.archs.blocks import Padding, conv
from napari_restoration.models.archs.reach import Reach

Upsampling = Literal["nearest_conv", "bilinear_conv", "transposed", "transposed_box", "pixelshuffle_icnr"]
UPSAMPLING: tuple[Upsampling, ...] = (
    "nearest_conv", "bilinear_conv", "transposed", "transposed_box", "pixelshuffle_icnr",
)  # fmt: skip


def up(kind: Upsampling, inputs: int, outputs: int, *, kernel: int = 3, pad: Padding = "zero") -> nn.Module:
    """A x2 upsampling without norm and activation: (B, inputs, H, W) -> (B, outputs, 2H, 2W).

    Parameters
    ----------
    kind
        "nearest_conv" and "bilinear_conv" enlarge, then convolve (3x3); "transposed" is a transposed
        convolution; "transposed_box" one of width 3, averaged over 2x2; "pixelshuffle_icnr" makes four maps of
        each (3x3) and interleaves them.
    inputs, outputs
        Maps.
    kernel
        Width of the transposed convolution: 2, 3 or 4.
    pad
        How the 3x3 convolutions see the borders; transposed convolutions see zeros.
    """
    if kind == "nearest_conv":
        return NearestConv(inputs, outputs, pad=pad)
    if kind == "bilinear_conv":
        return BilinearConv(inputs, outputs, pad=pad)
    if kind == "pixelshuffle_icnr":
        return PixelShuffle(inputs, outputs, pad=pad)
    if kind == "transposed_box":
        return TransposedBox(inputs, outputs)
    return transposed(inputs, outputs, kernel)


def trace_up(kind: Upsampling, x: Reach, *, kernel: int = 3) -> Reach:
    """What `up` of the same kind does to the reach."""
    if kind == "nearest_conv":
        return x.enlarge_nearest().conv(3)
    if kind == "bilinear_conv":
        return x.enlarge_bilinear().conv(3)
    if kind == "pixelshuffle_icnr":
        return x.conv(3).enlarge_nearest()
    if kind == "transposed_box":
        return x.transposed(3).with_previous()
    return x.transposed(kernel)


def transposed(inputs: int, outputs: int, kernel: int = 3, *, bias: bool = True) -> nn.Module:
    """A transposed convolution that doubles the size exactly."""
    return nn.ConvTranspose2d(
        inputs, outputs, kernel, stride=2, padding=(kernel - 1) // 2, output_padding=kernel % 2, bias=bias
    )


class NearestConv(nn.Sequential):
    """Enlarge twice by repetition, then a 3x3 convolution: no checkerboard."""

    def __init__(self, inputs: int, outputs: int, *, pad: Padding = "zero") -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), conv(inputs, outputs, pad=pad))


class BilinearConv(nn.Sequential):
    """Enlarge twice by linear interpolation, then a 3x3 convolution: no checkerboard."""

    def __init__(self, inputs: int, outputs: int, *, pad: Padding = "zero") -> None:
        super().__init__(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), conv(inputs, outputs, pad=pad)
        )


class TransposedBox(nn.Module):
    """A transposed convolution of width 3, then the mean of each 2x2 pixels: no checkerboard.

    Each pixel is averaged with its left and upper neighbours, which also takes back the half pixel by which a
    transposed convolution of odd width shifts the map.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.spread = transposed(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, 2H, 2W)."""
        # Replicated before it is averaged: the first pixel has nothing beside it.
        spread = functional.pad(self.spread(x), (1, 0, 1, 0), mode="replicate")
        return functional.avg_pool2d(spread, 2, stride=1)


class PixelShuffle(nn.Sequential):
    """A 3x3 convolution to four maps for each, interleaved: no checkerboard before training."""

    def __init__(self, inputs: int, outputs: int, *, pad: Padding = "zero") -> None:
        super().__init__(conv(inputs, 4 * outputs, pad=pad), nn.PixelShuffle(2))

    @torch.no_grad()
    def make_even(self) -> None:
        """Give the four sub-pixels of each map the weights of the first."""
        for tensor in (self[0].weight, self[0].bias):
            assert isinstance(tensor, Tensor)
            tensor.copy_(tensor[::4].repeat_interleave(4, dim=0))


def make_shuffles_even(network: nn.Module) -> None:
    """After the weights were drawn: let every `PixelShuffle` of the network start without a checkerboard."""
    for module in network.modules():
        if isinstance(module, PixelShuffle):
            module.make_even()
