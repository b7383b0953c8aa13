"""Building blocks shared by all networks: convolutions, norms, activations, residual blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["none", "batch", "instance"]
Activation = Literal["relu", "relu6", "lrelu0.2", "elu", "none"]
Padding = Literal["zero", "reflect"]

_CONV: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
_BATCH_NORM: dict[int, Callable[[int], nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def conv(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, ndim: int = 2,
    bias: bool = True, pad: Padding = "zero", groups: int = 1,
) -> nn.Module:  # fmt: skip
    """A convolution padded by ``(kernel - 1) // 2``.

    With an odd width and stride 1 it keeps the size; with stride 2 and a width of 3 or 4 it halves even sizes;
    width 4 and stride 1 lose one pixel.
    """
    kind = _CONV[ndim] if pad == "zero" else ReflectConv
    return kind(
        inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2, bias=bias, groups=groups
    )  # fmt: skip


class ReflectConv(nn.Conv2d):
    """A 2D convolution that reflects the map at its borders, whatever its size.

    torch's own reflection refuses maps that are not larger than the margin, as the deepest maps of small
    images are; here the reflection goes on to and fro.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        margin = int(self.padding[0])
        padded = _reflected(input, margin) if margin else input
        return functional.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _reflected(x: Tensor, margin: int) -> Tensor:
    if min(x.shape[-2:]) > margin:
        return functional.pad(x, (margin,) * 4, mode="reflect")
    for axis in (-2, -1):
        length = x.shape[axis]
        index = torch.arange(-margin, length + margin, device=x.device).abs()
        period = max(2 * (length - 1), 1)
        folded = index % period
        x = x.index_select(axis, torch.minimum(folded, period - folded))
    return x


class InstanceNorm(nn.Module):
    """Each map of each image minus its mean, over its standard deviation, in training and evaluation alike.

    It has no parameters. A map of one pixel becomes zero, where torch's own refuses.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        if x.shape[2:].numel() == 1:
            return x - x
        return functional.instance_norm(x)


def norm_layer(kind: Norm, maps: int, *, ndim: int = 2) -> nn.Module:
    """The named normalisation of that many maps."""
    if kind == "batch":
        return _BATCH_NORM[ndim](maps)
    return InstanceNorm() if kind == "instance" else nn.Identity()


def activation(kind: Activation) -> nn.Module:
    """The named activation. In place: each follows a layer whose output nothing else reads."""
    if kind == "relu":
        return nn.ReLU(inplace=True)
    if kind == "relu6":
        return nn.ReLU6(inplace=True)
    if kind == "lrelu0.2":
        return nn.LeakyReLU(0.2, inplace=True)
    if kind == "elu":
        return nn.ELU(inplace=True)
    return nn.Identity()


class ConvBlock(nn.Module):
    """Convolution, optional norm, activation; the convolution has no bias if batch norm follows."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, norm: Norm = "none",
        act: Activation = "relu", ndim: int = 2, stride: int = 1, pad: Padding = "zero", groups: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = conv(
            inputs, outputs, kernel, stride=stride, ndim=ndim, bias=norm != "batch", pad=pad, groups=groups
        )
        self.norm = norm_layer(norm, outputs, ndim=ndim)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, ...) -> (B, outputs, ...)."""
        out: Tensor = self.act(self.norm(self.conv(x)))
        return out


class DoubleConv(nn.Sequential):
    """Two `ConvBlock`; the width of the second is free."""

    def __init__(
        self, inputs: int, middle: int, outputs: int, kernel: int = 3, *, norm: Norm = "none", ndim: int = 2
    ) -> None:
        super().__init__(
            ConvBlock(inputs, middle, kernel, norm=norm, ndim=ndim),
            ConvBlock(middle, outputs, kernel, norm=norm, ndim=ndim),
        )


class ResBlock(nn.Module):
    """Two convolutions, the second without activation, added to the input."""

    def __init__(self, maps: int, kernel: int = 3, *, norm: Norm = "none", pad: Padding = "zero") -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(maps, maps, kernel, norm=norm, pad=pad),
            ConvBlock(maps, maps, kernel, norm=norm, pad=pad, act="none"),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, maps, H, W) -> the same shape."""
        out: Tensor = x + self.body(x)
        return out


def enlarge(x: Tensor, mode: Literal["nearest", "bilinear"], times: int = 2) -> Tensor:
    """Enlarge the spatial axes `times` times."""
    out: Tensor = functional.interpolate(
        x, scale_factor=float(times), mode=mode, align_corners=False if mode == "bilinear" else None
    )
    return out
