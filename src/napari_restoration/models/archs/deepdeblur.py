"""DeepDeblur: residual networks without norms on three scales, each led by the next coarser prediction.

After Nah et al. 2017, "Deep multi-scale convolutional neural network for dynamic scene deblurring", the network
that coarse-to-fine defocus deblurring is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from napari_restoration.models.archs.blocks import ResBlock, conv
from napari_restoration.models.archs.c2f import pyramid
from napari_restoration.models.archs.reach import Reach, deepest_first, half_field
from napari_restoration.models.archs.settings import ArchSettings, Geometry, choice, number

_WIDTH = 5


@dataclass(frozen=True, kw_only=True)
class DeepDeblurSettings(ArchSettings):
    """Settings of `DeepDeblur`; the defaults are the paper's.

    Parameters
    ----------
    channels
        Channels of the input and of the output.
    maps
        Maps between the blocks.
    blocks
        Residual blocks of each scale.
    levels
        Number of scales.
    residual
        Predict what is to be added to the image of each scale.
    """

    channels: int = number(1, 1, 64)
    maps: int = number(64, 1, 256)
    blocks: int = number(19, 1, 64)
    levels: int = number(3, 1, 5)
    residual: bool = choice(True, False)

    @property
    def geometry(self) -> Geometry:
        """Images in, images of the same size out."""
        multiple = 2 ** (self.levels - 1)
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
        below: Reach | None = None
        for image in reversed(images):
            h = image if below is None else image.join(below.conv(_WIDTH).enlarge_nearest())
            below = h.conv(_WIDTH, 2 + 2 * self.blocks).join(image)
        assert below is not None
        return below


class DeepDeblur(nn.Module):
    """Multi-scale residual network: (B, C, H, W) with values of about 0 to 1 -> (B, C, H, W), linear."""

    Settings: ClassVar[type[ArchSettings]] = DeepDeblurSettings

    def __init__(self, settings: DeepDeblurSettings) -> None:
        super().__init__()
        channels, maps, last = settings.channels, settings.maps, settings.levels - 1
        self.residual = settings.residual
        self.levels = nn.ModuleList(
            nn.Sequential(
                conv(channels if level == last else 2 * channels, maps, _WIDTH),
                *(ResBlock(maps, _WIDTH) for _ in range(settings.blocks)),
                conv(maps, channels, _WIDTH),
            )
            for level in range(settings.levels)
        )
        self.up = nn.ModuleList(
            nn.Sequential(conv(channels, 4 * channels, _WIDTH), nn.PixelShuffle(2)) for _ in range(last)
        )

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: Glorot-uniform, biases 0.

        The last convolution of each residual block starts at a tenth: without norms, many blocks would
        otherwise double the spread of their input again and again (Lim et al. 2017 scale them likewise).
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        for module in self.modules():
            if isinstance(module, ResBlock):
                with torch.no_grad():
                    module.body[1].conv.weight.mul_(0.1)  # type: ignore[operator, union-attr]

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Restore images; H and W multiples of ``2 ** (levels - 1)``.

        Returns
        -------
        Tensor or tuple of Tensor
            The restored image; in training mode the predictions of all scales, finest first, of which
            ``c2f.pyramid(target, levels)`` gives the targets.
        """
        images = pyramid(x, len(self.levels))
        predictions: list[Tensor] = []
        for n in deepest_first(len(self.levels)):
            h = images[n]
            if predictions:
                h = torch.cat([h, self.up[n](predictions[0])], dim=1)
            prediction = self.levels[n](h)
            predictions.insert(0, prediction + images[n] if self.residual else prediction)
        return tuple(predictions) if self.training else predictions[0]
