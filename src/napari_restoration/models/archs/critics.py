"""Critics of adversarial training: networks that tell restored images from sharp ones. Never restoration models.

Each has a ``Settings`` class and ``initialise`` like the generators. All but "patch-released" give logits (or
scores without a limit): losses apply their own sigmoid, and the critics of Wasserstein and least-squares training
have none at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.models.archs import resolve
from napari_restoration.models.archs.blocks import ConvBlock, Norm, conv
from napari_restoration.models.archs.resnet import draw_narrow
from napari_restoration.models.archs.settings import CheckedSettings, choice, number

CRITICS: dict[str, str] = {
    "patch": "napari_restoration.models.archs.critics:PatchDiscriminator",
    "patch-released": "napari_restoration.models.archs.critics:ReleasedPatchDiscriminator",
    "patch-pair": "napari_restoration.models.archs.critics_pair:PatchPair",
    "vgg": "napari_restoration.models.archs.critics_vgg:VGGDiscriminator",
}
"""Critics by name, as ``module:class``."""

_WIDTH = 4
_WIDEST = 8


def build_critic(name: str, **args: Any) -> nn.Module:
    """Build a critic with fresh weights (drawn from torch's global generator).

    Parameters
    ----------
    name
        An entry of `CRITICS`.
    **args
        Its settings.

    Raises
    ------
    ModelError
        Unknown critic or setting, or a value outside its limits.
    """
    critic_class, settings = resolve(CRITICS, "Critic", name, args)
    critic: nn.Module = critic_class(settings)
    critic.initialise()  # type: ignore[operator]
    return critic


@dataclass(frozen=True, kw_only=True)
class PatchSettings(CheckedSettings):
    """Settings of `PatchDiscriminator`; the defaults are COMI's.

    Parameters
    ----------
    channels
        Channels of the image that is judged.
    condition_channels
        Channels of the input image that is judged with it (Pix2Pix); 0 without.
    maps
        Maps of the first convolution; they double up to eight times as many.
    halvings
        Convolutions of stride 2: 3, 4, 5 look at patches of 70, 142, 286 pixels.
    norm
        "instance"; "batch" (Pix2Pix); "none".
    """

    channels: int = number(1, 1, 64)
    condition_channels: int = number(0, 0, 64)
    maps: int = number(64, 1, 256)
    halvings: int = number(3, 1, 6)
    norm: Norm = choice("instance", "batch", "none")  # noqa: RUF009

    @property
    def receptive_field(self) -> int:
        """Side in pixels of the patch that one score judges."""
        return patch_side(self.halvings)

    @property
    def smallest_side(self) -> int:
        """Side in pixels of the smallest image that gives a score."""
        return smallest_side(self.halvings)


def patch_side(halvings: int) -> int:
    """Side of the patch that 4x4 convolutions, `halvings` of stride 2 and then two of stride 1, look at."""
    side = 1
    for stride in (1, 1, *(2,) * halvings):
        side = (side - 1) * stride + _WIDTH
    return side


def smallest_side(halvings: int) -> int:
    """Side of the smallest image of which these convolutions leave one score."""
    return 3 << halvings


class PatchDiscriminator(nn.Module):
    """PatchGAN: (B, C, H, W) -> scores (B, 1, H / 2**n - 2, W / 2**n - 2), one a patch, without a sigmoid.

    After Isola et al. 2017; it serves COMI and CycleGAN, as Wasserstein critic DeblurGAN, with a condition
    Pix2Pix.
    """

    Settings: ClassVar[type[CheckedSettings]] = PatchSettings
    gives_logits: ClassVar[bool] = True

    def __init__(self, settings: PatchSettings) -> None:
        super().__init__()
        self.settings = settings
        inputs = settings.channels + settings.condition_channels
        widths = [settings.maps * min(2**i, _WIDEST) for i in range(settings.halvings + 1)]
        self.body = nn.Sequential(
            ConvBlock(inputs, widths[0], _WIDTH, stride=2, act="lrelu0.2"),
            *(
                ConvBlock(
                    widths[i - 1],
                    width,
                    _WIDTH,
                    stride=2 if i < settings.halvings else 1,
                    norm=settings.norm,
                    act="lrelu0.2",
                )
                for i, width in enumerate(widths)
                if i
            ),
        )
        self.last = conv(widths[-1], 1, _WIDTH)

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: N(0, 0.02), biases 0."""
        draw_narrow(self)

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        """Judge images, together with the inputs they were made from if the settings say so.

        Raises
        ------
        InputError
            The image is too small, or a condition is missing or not wanted.
        """
        check_side(image, self.settings.smallest_side)
        x = with_condition(image, condition, wanted=self.settings.condition_channels > 0)
        out: Tensor = self.last(self.body(x))
        return out


@dataclass(frozen=True, kw_only=True)
class ReleasedPatchSettings(CheckedSettings):
    """Settings of `ReleasedPatchDiscriminator`.

    Parameters
    ----------
    channels
        Channels of the image that is judged.
    maps
        Maps of the first two convolutions.
    hidden
        Units of the layer before the last.
    """

    channels: int = number(1, 1, 64)
    maps: int = number(64, 1, 256)
    hidden: int = number(1024, 1, 4096)

    @property
    def receptive_field(self) -> int:
        """Side in pixels of the patch that one score judges."""
        return patch_side(4)

    @property
    def smallest_side(self) -> int:
        """Side in pixels of the smallest image that gives a score."""
        return smallest_side(4)


class ReleasedPatchDiscriminator(nn.Module):
    """The critic of COMI's released code: (B, C, H, W) -> probabilities (B, 1, H / 16 - 2, W / 16 - 2).

    Four halvings, batch norm, and for each patch a hidden layer with tanh and a sigmoid.
    """

    Settings: ClassVar[type[CheckedSettings]] = ReleasedPatchSettings
    gives_logits: ClassVar[bool] = False

    def __init__(self, settings: ReleasedPatchSettings) -> None:
        super().__init__()
        self.settings = settings
        maps = settings.maps
        steps = ((maps, maps, 2), (maps, 2 * maps, 2), (2 * maps, 4 * maps, 2), (4 * maps, 8 * maps, 1))
        self.first = ConvBlock(settings.channels, maps, _WIDTH, stride=2, act="lrelu0.2")
        self.body = nn.Sequential(*(_biased_block(*step) for step in steps))
        self.score = nn.Sequential(
            conv(8 * maps, 1, _WIDTH), conv(1, settings.hidden, 1), nn.Tanh(),
            conv(settings.hidden, 1, 1), nn.Sigmoid(),
        )  # fmt: skip

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: N(0, 0.02), biases 0."""
        draw_narrow(self)

    def forward(self, image: Tensor) -> Tensor:
        """Judge images.

        Raises
        ------
        InputError
            The image is too small.
        """
        check_side(image, self.settings.smallest_side)
        out: Tensor = self.score(self.body(self.first(image)))
        return out


def _biased_block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    # The released layers keep a bias before their batch norm.
    return nn.Sequential(
        conv(inputs, outputs, _WIDTH, stride=stride), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)
    )


def check_side(image: Tensor, smallest: int) -> None:
    """Raise InputError for an image that gives no score."""
    if min(image.shape[-2:]) < smallest:
        sides = " x ".join(map(str, image.shape[-2:]))
        raise InputError(
            f"The critic judges images of {smallest} pixels a side at least, got {sides}: use larger patches."
        )


def with_condition(image: Tensor, condition: Tensor | None, *, wanted: bool) -> Tensor:
    """The image with the channels of its condition in front, as the critic wants it."""
    if wanted != (condition is not None):
        raise InputError(
            "This critic judges an image together with its input: give both."
            if wanted
            else "This critic judges an image alone: leave the input out, or set condition_channels."
        )
    return image if condition is None else torch.cat([condition, image], dim=1)
