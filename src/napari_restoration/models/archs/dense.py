"""Dense blocks: layers that read all layers before them, with and without normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import ConvBlock, activation, conv


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
