"""From predictions to one scalar: the losses of a prediction and its target, and how losses are weighed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.training.loss_table import LOSSES
from napari_restoration.training.losses import HomoscedasticWeights, combine, perceptual, texture
from napari_restoration.training.method_settings import needs_features
from napari_restoration.training.recipe import Recipe

if TYPE_CHECKING:
    from napari_restoration.models.archs.settings import Geometry

Output = Tensor | Sequence[Tensor]


def finest(output: Output, channels: int) -> Tensor:
    """The restored image alone: the finest scale, without Laplace scales, float32."""
    image = output if isinstance(output, Tensor) else output[0]
    return image[:, :channels].float()


class Comparison:
    """Losses of a prediction and its target, by the names of the loss table.

    Parameters
    ----------
    recipe : Recipe
    geometry : Geometry
        Of the network that restores.
    feature_file : Path or None
        Weights of the feature network.
    """

    def __init__(self, recipe: Recipe, geometry: Geometry, feature_file: Path | None) -> None:
        self._laplace = geometry.laplace_scale
        self._channels = geometry.out_channels
        self._method = recipe.method
        self._features: nn.Module | None = None
        if needs_features(recipe.training.losses):
            self._features = _feature_network(recipe, feature_file)

    def to(self, device: object) -> None:
        """Move the feature network."""
        if self._features is not None:
            self._features.to(device)  # type: ignore[call-overload]

    def parts(self, names: Sequence[str], output: Output, target: Tensor) -> dict[str, Tensor]:
        """Those of the named losses that compare an output of the network with its target."""
        # One conversion for all, so that slopes are added up in full precision.
        scales = [output.float()] if isinstance(output, Tensor) else [scale.float() for scale in output]
        found: dict[str, Tensor] = {}
        for name in names:
            needs = LOSSES[name].needs
            if needs in ("target", "scales", "laplace scale"):
                found[name] = combine({name: 1.0}, scales, target, laplace=self._laplace)[0]
            elif needs == "features":
                found[name] = self.features(name, scales[0][:, : self._channels], target)
        return found

    def features(self, name: str, image: Tensor, target: Tensor) -> Tensor:
        """A loss of the feature network."""
        network, method = self._features, self._method
        assert network is not None
        shared = {"layers": method.feature_layers, "before_act": method.before_activation}
        if name == "texture":
            return texture(network, image, target, **shared)  # type: ignore[arg-type]
        return perceptual(network, image, target, error=method.feature_error, **shared)  # type: ignore[arg-type]


class Weighing:
    """Weights of losses, fixed or learnt.

    Parameters
    ----------
    weights : mapping of str to float
    automatic : bool
        Learn those of the losses that the loss table does not fix.
    """

    def __init__(self, weights: Mapping[str, float], *, automatic: bool = False) -> None:
        self._weights = dict(weights)
        self._learnt: HomoscedasticWeights | None = None
        free = {k: v for k, v in weights.items() if not LOSSES[k].fixed_weight}
        self.automatic = automatic and bool(free)
        if self.automatic:
            fixed = {k: v for k, v in weights.items() if k not in free}
            self._learnt = HomoscedasticWeights(free, fixed)

    def module(self) -> HomoscedasticWeights | None:
        """The learnt weights, which an optimizer moves; None where all are fixed."""
        return self._learnt

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum."""
        if self._learnt is not None:
            scalar: Tensor = self._learnt(parts)
            return scalar
        return torch.stack([self._weights[name] * part for name, part in parts.items()]).sum()


def numbers(parts: Mapping[str, Tensor]) -> dict[str, float]:
    """Losses as plain numbers."""
    return {name: float(part.detach()) for name, part in parts.items()}


# Feature networks whose weights come with the package.
_SHIPPED_FEATURES = ("microfeat",)


def _feature_network(recipe: Recipe, file: Path | None) -> nn.Module:
    from napari_restoration.models.archs.features import build_features

    method = recipe.method
    weights: str | Path | None = file
    if file is None and method.feature_weights == "file" and method.features in _SHIPPED_FEATURES:
        weights = "shipped"
    elif file is None and method.feature_weights == "file":
        raise InputError(
            f"The recipe {recipe.id!r} compares features of {method.features}; name the local file of its weights "
            "(--features FILE)."
        )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        network: nn.Module = build_features(method.features, weights, **method.feature_args)
    return network
