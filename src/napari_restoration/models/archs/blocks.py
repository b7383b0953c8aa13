"""Building blocks shared by all networks: convolutions, dense and residual blocks, pooling over frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["none", "batch"]
Activation = Literal["relu", "lrelu0.2", "none"]
Upsampling = Literal["nearest_conv", "transposed"]

_CONV: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
_BATCH_NORM: dict[int, Callable[[int], nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def conv(inputs: int, outputs: int, kernel: int = 3, *, ndim: int = 2, bias: bool = True) -> nn.Module:
    """A convolution of odd width that keeps the size (zero padding)."""
    return _CONV[ndim](inputs, outputs, kernel, padding=kernel // 2, bias=bias)


def activation(kind: Activation) -> nn.Module:
    """The named activation. In place: each follows a layer whose output nothing else reads."""
    if kind == "relu":
        return nn.ReLU(inplace=True)
    if kind == "lrelu0.2":
        return nn.LeakyReLU(0.2, inplace=True)
    return nn.Identity()


class ConvBlock(nn.Module):
    """Convolution, optional batch norm (then the convolution has no bias), activation."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, norm: Norm = "none",
        act: Activation = "relu", ndim: int = 2,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = conv(inputs, outputs, kernel, ndim=ndim, bias=norm != "batch")
        self.norm = _BATCH_NORM[ndim](outputs) if norm == "batch" else nn.Identity()
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


class DenseLayer(nn.Sequential):
    """Batch norm, ReLU, 3x3 convolution to `growth` maps, dropout of whole maps."""

    def __init__(self, inputs: int, growth: int, dropout: float) -> None:
        super().__init__(
            nn.BatchNorm2d(inputs), activation("relu"), conv(inputs, growth), nn.Dropout2d(dropout)
        )


class DenseBlock(nn.Module):
    """Dense layers, each fed with the input and the output of all layers before it."""

    def __init__(self, inputs: int, growth: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(inputs + i * growth, growth, dropout) for i in range(layers))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the full stack (B, C + layers * growth, H, W) and its new maps alone."""
        stack, new = x, list[Tensor]()
        for layer in self.layers:
            new.append(layer(stack))
            stack = torch.cat([stack, new[-1]], dim=1)
        return stack, torch.cat(new, dim=1)


class TransitionDown(nn.Sequential):
    """Batch norm, ReLU, 1x1 convolution, dropout, 2x2 max pooling."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__(
            nn.BatchNorm2d(inputs),
            activation("relu"),
            conv(inputs, outputs, 1),
            nn.Dropout2d(dropout),
            nn.MaxPool2d(2),
        )


class NearestConv(nn.Sequential):
    """Enlarge twice by repetition, then a 3x3 convolution: no checkerboard."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), conv(inputs, outputs))


def up(kind: Upsampling, inputs: int, outputs: int) -> nn.Module:
    """A x2 upsampling of 3x3 support without norm and activation."""
    if kind == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return NearestConv(inputs, outputs)


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each fed with all before it; a fifth of the last is added to the input."""

    def __init__(self, maps: int, growth: int) -> None:
        super().__init__()
        self.growing = nn.ModuleList(
            ConvBlock(maps + i * growth, growth, act="lrelu0.2") for i in range(4)
        )  # fmt: skip
        self.last = conv(maps + 4 * growth, maps)

    def forward(self, x: Tensor) -> Tensor:
        """(B, maps, H, W) -> the same shape."""
        stack = x
        for block in self.growing:
            stack = torch.cat([stack, block(stack)], dim=1)
        return torch.add(x, self.last(stack), alpha=0.2)


class RRDB(nn.Module):
    """Residual-in-residual dense block: three dense blocks; a fifth of their result is added to the input."""

    def __init__(self, maps: int, growth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ResidualDenseBlock(maps, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, maps, H, W) -> the same shape."""
        return torch.add(x, self.blocks(x), alpha=0.2)


def frame_max(x: Tensor, frames: int) -> Tensor:
    """Largest value over the frames: (B * frames, C, H, W) -> (B, C, H, W)."""
    return _bursts(x, frames).amax(dim=1).movedim(-1, 1)


def frame_pool(x: Tensor, frames: int) -> Tensor:
    """Concatenate each frame with the maximum over its burst: (B * frames, C, H, W) -> (B * frames, 2C, H, W).

    The only exchange between frames: it does not depend on their order.
    """
    bursts = _bursts(x, frames)
    pooled = bursts.amax(dim=1, keepdim=True).expand_as(bursts)
    return torch.cat([bursts, pooled], dim=-1).flatten(0, 1).movedim(-1, 1)


def _bursts(x: Tensor, frames: int) -> Tensor:
    # (B, frames, H, W, C): with the channels last in memory nothing downstream has to be copied.
    bursts: Tensor = x.movedim(1, -1).unflatten(0, (-1, frames))
    return bursts


def enlarge(x: Tensor, mode: Literal["nearest", "bilinear"]) -> Tensor:
    """Enlarge the spatial axes twice."""
    out: Tensor = functional.interpolate(
        x, scale_factor=2.0, mode=mode, align_corners=False if mode == "bilinear" else None
    )
    return out
