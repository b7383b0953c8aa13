"""The critic of super-resolution: a VGG-like network that gives one logit for a whole patch of fixed size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.models.archs.blocks import Norm, activation, conv, norm_layer
from napari_restoration.models.archs.settings import CheckedSettings, choice, number


@dataclass(frozen=True, kw_only=True)
class VGGDiscriminatorSettings(CheckedSettings):
    """Settings of `VGGDiscriminator`; the defaults are those of the W2S report's code.

    Parameters
    ----------
    channels
        Channels of the image that is judged.
    maps
        Maps of the first convolution; they double up to eight times as many.
    side
        Side of the patches in pixels, a multiple of 32.
    layout
        "esrgan": five halvings by 4x4 convolutions, a hidden layer of 100 units. "srgan", which the report's text
        cites (Ledig et al. 2017): four halvings by 3x3 convolutions, a hidden layer of 1024 units.
    """

    channels: int = number(1, 1, 64)
    maps: int = number(64, 1, 256)
    side: int = number(128, 32, 512)
    layout: Literal["esrgan", "srgan"] = choice("esrgan", "srgan")

    def __post_init__(self) -> None:
        """Check the limits; the patch must halve evenly."""
        super().__post_init__()
        if self.side % 32:
            raise ValueError(f"side is {self.side}, it must be a multiple of 32")


class VGGDiscriminator(nn.Module):
    """VGG-like critic: (B, C, side, side) -> logits (B, 1)."""

    Settings: ClassVar[type[CheckedSettings]] = VGGDiscriminatorSettings
    gives_logits: ClassVar[bool] = True

    def __init__(self, settings: VGGDiscriminatorSettings) -> None:
        super().__init__()
        self.side = settings.side
        esrgan = settings.layout == "esrgan"
        shares, halving, hidden = ((1, 2, 4, 8, 8), 4, 100) if esrgan else ((1, 2, 4, 8), 3, 1024)
        layers: list[nn.Module] = []
        before = settings.channels
        for share in shares:
            width = settings.maps * share
            for kernel, stride in ((3, 1), (halving, 2)):
                norm: Norm = "batch" if layers else "none"
                # The layout of SRGAN keeps the biases that its batch norms take out again.
                bias = not esrgan or norm == "none"
                layers += [
                    conv(before, width, kernel, stride=stride, bias=bias),
                    norm_layer(norm, width),
                    activation("lrelu0.2"),
                ]
                before = width
        self.body = nn.Sequential(*layers)
        left = settings.side // 2 ** len(shares)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(before * left**2, hidden), activation("lrelu0.2"), nn.Linear(hidden, 1)
        )

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: a tenth of He-normal, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                module.weight.data.mul_(0.1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Judge patches.

        Raises
        ------
        InputError
            Patches of another size.
        """
        if tuple(image.shape[-2:]) != (self.side, self.side):
            raise InputError(
                f"This critic judges patches of {self.side} x {self.side} pixels, got "
                f"{' x '.join(map(str, image.shape[-2:]))}: set its side or the patch size."
            )
        out: Tensor = self.head(self.body(image))
        return out
