"""The body of MobileNetV2 as far as deblurring uses it, and ImageNet weights for it from a local file.

After Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks", Table 2. The last stage of 320
maps and the classifier are left out: the feature pyramid above does not read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from napari_restoration.models.archs.blocks import ConvBlock
from napari_restoration.models.archs.local_weights import read_local_weights, take
from napari_restoration.models.archs.reach import Reach

_WIDEN = 6
# Maps, blocks and first stride of each row of the table, down to the last that is used.
_ROWS = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 2, 2))
_STEM = 32
# Rows after which the feature pyramid reads, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
_READ_AFTER = (0, 1, 2, 3, 5)


class InvertedResidual(nn.Module):
    """1x1 convolution to more maps, 3x3 convolution of each alone, linear 1x1 convolution to fewer."""

    def __init__(self, inputs: int, outputs: int, stride: int, widen: int) -> None:
        super().__init__()
        wide = inputs * widen
        self.adds = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            *([] if widen == 1 else [ConvBlock(inputs, wide, 1, norm="batch", act="relu6")]),
            ConvBlock(wide, wide, 3, stride=stride, norm="batch", act="relu6", groups=wide),
            ConvBlock(wide, outputs, 1, norm="batch", act="none"),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        out: Tensor = self.body(x)
        return x + out if self.adds else out


class MobileNetBody(nn.Module):
    """(B, inputs, H, W) -> five maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.

    Parameters
    ----------
    inputs
        Channels of the input.
    divide
        All numbers of maps are divided by this; ImageNet weights fit 1 alone.
    """

    def __init__(self, inputs: int, divide: int = 1) -> None:
        super().__init__()
        widths = [_STEM // divide, *(maps // divide for maps, _, _ in _ROWS)]
        self.stem = ConvBlock(inputs, widths[0], 3, stride=2, norm="batch", act="relu6")
        self.rows = nn.ModuleList(
            nn.Sequential(
                *(
                    InvertedResidual(
                        before if block == 0 else after,
                        after,
                        stride if block == 0 else 1,
                        1 if row == 0 else _WIDEN,
                    )
                    for block in range(blocks)
                )
            )
            for row, ((before, after), (_, blocks, stride)) in enumerate(
                zip(pairwise(widths), _ROWS, strict=True)
            )
        )

    @staticmethod
    def widths(divide: int = 1) -> list[int]:
        """Maps of the five results."""
        return [_ROWS[row][0] // divide for row in _READ_AFTER]

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: He-normal by outputs, as the paper's code."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> list[Tensor]:
        """Five maps, finest first; H and W multiples of 32."""
        h = self.stem(x)
        found: list[Tensor] = []
        for row, stage in enumerate(self.rows):
            h = stage(h)
            if row in _READ_AFTER:
                found.append(h)
        return found

    def load_imagenet(self, path: str | Path) -> None:
        """Take the weights of torchvision's ``mobilenet_v2`` from a local file.

        The first convolution expects red, green and blue. With another number of input channels each gets the
        sum of the three, shared out evenly: a grey image is then seen as it is in grey RGB.

        Parameters
        ----------
        path
            A ``.safetensors`` file, or a ``.pth`` state dict (read without running any code in it).

        Raises
        ------
        ModelError
            The file is missing or unreadable, or is no state dict of that network.
        """
        state = read_local_weights(path)
        wanted = self.state_dict()
        own = dict(zip(_torchvision_names(), _own_names(wanted), strict=True))
        first = wanted["stem.conv.weight"]
        name = "features.0.0.weight"
        if name in state and state[name].ndim == 4 and state[name].shape[1] == 3 != first.shape[1]:
            grey = state[name].sum(dim=1, keepdim=True) / first.shape[1]
            state = {**state, name: grey.expand(-1, first.shape[1], -1, -1)}
        self.load_state_dict(take(state, own, wanted, path, "torchvision's mobilenet_v2"), strict=True)


def trace_body(x: Reach) -> list[Reach]:
    """What the body does to the reach: its five results."""
    x = x.shrinking(3, 2)
    found: list[Reach] = []
    for row, (_, blocks, stride) in enumerate(_ROWS):
        x = (x.shrinking(3, 2) if stride == 2 else x.conv(3)).conv(3, blocks - 1)
        if row in _READ_AFTER:
            found.append(x)
    return found


def _own_names(state: dict[str, Tensor]) -> list[str]:
    return list(state)


def _torchvision_names() -> Iterator[str]:
    """Torchvision's names in the order of `MobileNetBody.state_dict`."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    index = 0
    pairs = [("features.0.0", "features.0.1")]
    for row, (_, blocks, _) in enumerate(_ROWS):
        for _ in range(blocks):
            index += 1
            start = f"features.{index}.conv"
            wide = 1 if row == 0 else 2
            pairs += [(f"{start}.{i}.0", f"{start}.{i}.1") for i in range(wide)]
            pairs.append((f"{start}.{wide}", f"{start}.{wide + 1}"))
    for convolution, after in pairs:
        yield f"{convolution}.weight"
        yield from (f"{after}.{entry}" for entry in norm)
