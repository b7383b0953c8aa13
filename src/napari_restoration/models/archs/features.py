"""Frozen networks whose features say how alike two images look: VGG-19 and MicroFeat. Never restoration models.

VGG-19 (Simonyan and Zisserman 2015) knows photographs; its weights come from a local file that the user names.
MicroFeat has the same layout cut at the fourth convolution of the third block, takes one channel, and is trained
on microscopy. Both have the same interface, so that losses can swap them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.models.archs import resolve
from napari_restoration.models.archs.local_weights import read_local_weights, take
from napari_restoration.models.archs.settings import CheckedSettings, choice, number
from napari_restoration.models.feature_weights import find_shipped

FEATURES: dict[str, str] = {
    "vgg19": "napari_restoration.models.archs.features:VGG19",
    "microfeat": "napari_restoration.models.archs.features:MicroFeat",
}
"""Feature networks by name, as ``module:class``."""

_BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
LAYERS: tuple[str, ...] = tuple(
    f"conv{block}_{i}" for block, (count, _) in enumerate(_BLOCKS, 1) for i in range(1, count + 1)
)
"""Convolutions of VGG-19 in order: ``conv1_1`` to ``conv5_4``."""

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_SD = (0.229, 0.224, 0.225)
Last = Literal["conv5_4", "conv1_2", "conv2_2", "conv3_3", "conv3_4", "conv4_4"]


def build_features(name: str, weights: str | Path | None = "shipped", **args: Any) -> FeatureNetwork:
    """Build a feature network, frozen.

    Parameters
    ----------
    name
        An entry of `FEATURES`.
    weights
        Local file of its weights, see the class; "shipped" for those of the package, where it has some that fit
        these settings. Without either (None) they are drawn from torch's global generator, which serves tests
        and the network's own training.
    **args
        Its settings.

    Raises
    ------
    ModelError
        Unknown network or setting, a value outside its limits, or a file that holds other weights.
    """
    network_class, settings = resolve(FEATURES, "Feature network", name, args)
    network: FeatureNetwork = network_class(settings)
    network.initialise()
    if weights == "shipped":
        # On torch's "meta" device a network is nothing but shapes.
        weights = None if network.mean.is_meta else find_shipped(name, settings)
    if weights is not None:
        network.load(weights)
    return network.freeze()


@dataclass(frozen=True, kw_only=True)
class FeatureSettings(CheckedSettings):
    """Settings of a feature network.

    Parameters
    ----------
    last
        The last convolution that is kept.
    low, high
        What black and white are in the images it is shown: 0 and 1, or -1 and 1, or measured values.
    divide
        Divides all numbers of maps; published weights fit 1 alone.
    """

    last: Last = choice("conv5_4", "conv1_2", "conv2_2", "conv3_3", "conv3_4", "conv4_4")  # noqa: RUF009
    low: float = number(0.0, -1e6, 1e6)
    high: float = number(1.0, -1e6, 1e6)
    divide: int = choice(1, 2, 4, 8, 16)

    def __post_init__(self) -> None:
        """Check the limits; white must lie above black."""
        super().__post_init__()
        if not self.low < self.high:
            raise ValueError(f"high is {self.high}, it must lie above low, which is {self.low}")


@dataclass(frozen=True, kw_only=True)
class MicroFeatSettings(FeatureSettings):
    """Settings of `MicroFeat`: as `FeatureSettings`, but the last convolution is ``conv3_4``."""

    last: Last = choice("conv3_4", "conv1_2", "conv2_2", "conv3_3")  # noqa: RUF009


class FeatureNetwork(nn.Module):
    """Convolutions of VGG-19's layout, read at any of them.

    Parameters
    ----------
    settings
        Which part, and the range of the images.
    mean, sd
        Of the training images, one value a channel of the network, in a range where black is 0 and white is 1.
    """

    Settings: ClassVar[type[CheckedSettings]] = FeatureSettings
    mean: Tensor
    sd: Tensor

    def __init__(self, settings: FeatureSettings, mean: Iterable[float], sd: Iterable[float]) -> None:
        super().__init__()
        self.low, self.high = settings.low, settings.high
        self.names = LAYERS[: LAYERS.index(settings.last) + 1]
        centre = torch.tensor(list(mean)).reshape(-1, 1, 1)
        # Known from the settings, so no part of the weights.
        self.register_buffer("mean", centre, persistent=False)
        self.register_buffer("sd", torch.tensor(list(sd)).reshape(-1, 1, 1), persistent=False)
        self.channels = centre.shape[0]
        self.convs = nn.ModuleDict()
        before = self.channels
        for name in self.names:
            width = max(1, _BLOCKS[int(name[4]) - 1][1] // settings.divide)
            self.convs[name] = nn.Conv2d(before, width, 3, padding=1)
            before = width
        self.width = before

    def initialise(self) -> None:
        """Draw the first weights from torch's global generator: He-normal, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def freeze(self) -> Self:
        """Let gradients pass to the images but not to the weights."""
        return self.requires_grad_(False).eval()

    def load(self, path: str | Path) -> None:
        """Take weights in the network's own names from a local file.

        Raises
        ------
        ModelError
            The file is missing, unreadable, or holds other weights.
        """
        wanted = self.state_dict()
        state = take(read_local_weights(path), {name: name for name in wanted}, wanted, path, "this network")
        self.load_state_dict(state, strict=True)

    def features(self, x: Tensor, layers: Iterable[str], *, before_act: bool = False) -> dict[str, Tensor]:
        """What the named convolutions make of images.

        Parameters
        ----------
        x
            (B, C, H, W) in the declared range. Grey images are repeated for a network of three channels. Any
            other number of channels than the network's is read as that many grey images.
        layers
            Names such as ``conv3_3``; nothing behind the last of them is computed.
        before_act
            Give the convolution's own output, which ESRGAN compares, not its positive part.

        Returns
        -------
        dict of str to Tensor
            (B, maps, H', W') for each name; (B * C, ...) where channels were read one by one.

        Raises
        ------
        InputError
            The network has no such layer, or the image is too small for it.
        """
        wanted = list(layers)
        if unknown := [name for name in wanted if name not in self.names]:
            raise InputError(
                f"This feature network has no layer {unknown[0]!r}; it has {self.names[0]} to {self.names[-1]}."
            )
        if not wanted:
            return {}
        deepest = max(self.names.index(name) for name in wanted)
        smallest = 2 ** (int(self.names[deepest][4]) - 1)
        if min(x.shape[-2:]) < smallest:
            raise InputError(
                f"Layer {self.names[deepest]} reads images of {smallest} pixels a side at least, got "
                f"{tuple(x.shape[-2:])}: use a shallower layer or larger patches."
            )
        found: dict[str, Tensor] = {}
        h = self._normalised(x)
        for index, name in enumerate(self.names[: deepest + 1]):
            if index and name.endswith("_1"):
                h = functional.max_pool2d(h, 2)
            plain = self.convs[name](h)
            h = functional.relu(plain)
            if name in wanted:
                found[name] = plain if before_act else h
        return {name: found[name] for name in wanted}

    def forward(self, x: Tensor) -> Tensor:
        """Features of the last convolution, after its activation."""
        return self.features(x, [self.names[-1]])[self.names[-1]]

    def _normalised(self, x: Tensor) -> Tensor:
        if x.shape[1] != self.channels:
            x = x.flatten(0, 1).unsqueeze(1)
        unit = (x - self.low) / (self.high - self.low)
        # A grey image meets one mean for each channel of the network: that repeats it.
        result: Tensor = (unit - self.mean) / self.sd
        return result


class VGG19(FeatureNetwork):
    """VGG-19 up to the named convolution, with ImageNet's normalisation."""

    def __init__(self, settings: FeatureSettings) -> None:
        super().__init__(settings, _IMAGENET_MEAN, _IMAGENET_SD)

    def load(self, path: str | Path) -> None:
        """Take the weights of torchvision's ``vgg19`` from a local file (``.pth`` or ``.safetensors``).

        Raises
        ------
        ModelError
            The file is missing, unreadable, or is no state dict of that network.
        """
        own: dict[str, str] = {}
        index = 0
        for name in self.names:
            # torchvision counts convolutions, activations and poolings alike.
            index += name.endswith("_1") and name != "conv1_1"
            own |= {f"features.{index}.{part}": f"convs.{name}.{part}" for part in ("weight", "bias")}
            index += 2
        wanted = self.state_dict()
        state = take(read_local_weights(path), own, wanted, path, "torchvision's vgg19")
        self.load_state_dict(state, strict=True)


class MicroFeat(FeatureNetwork):
    """VGG-19's layout up to ``conv3_4`` for one channel, trained on microscopy.

    Images are centred on the middle of their declared range; half of it is one unit. Black and white are, as in its
    training, an image's 2nd and 99.8th percentile or near them; the training saw 64 x 64 pixels at a time.
    """

    Settings: ClassVar[type[CheckedSettings]] = MicroFeatSettings

    def __init__(self, settings: MicroFeatSettings) -> None:
        super().__init__(settings, (0.5,), (0.5,))


class MicroFeatTrainer(nn.Module):
    """MicroFeat with the heads of its own training: what is seen, how blurred it is, how many photons made it.

    Parameters
    ----------
    network
        Trainable; its weights are kept when the heads are thrown away.
    classes
        Number of classes (pairs of modality and structure).

    Raises
    ------
    ModelError
        Fewer than two classes.
    """

    def __init__(self, network: FeatureNetwork, classes: int) -> None:
        super().__init__()
        if classes < 2:
            raise ModelError(f"classes is {classes}: a classifier needs two at least.")
        self.network = network.requires_grad_(True)
        self.kind = nn.Linear(network.width, classes)
        self.measures = nn.Linear(network.width, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Judge grey images.

        Parameters
        ----------
        x
            (B, 1, H, W) in the network's declared range.

        Returns
        -------
        kind : Tensor
            (B, classes), logits.
        measures : Tensor
            (B, 2): natural logarithm of the blur's standard deviation in pixels, and log10 of the peak photons.
        """
        mean = self.network(x).mean(dim=(2, 3))
        return self.kind(mean), self.measures(mean)
