"""Losses on the features of a frozen network.

Any object with `FeatureNetwork.features` serves, so that VGG-19 and a network trained on microscopy can be
exchanged. The network takes care of its own normalisation and of the number of channels it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from napari_restoration.core.errors import InputError
from napari_restoration.training.losses._common import (
    ErrorKind,
    Reduction,
    difference,
    in_full_precision,
    need_same_shape,
    reduced,
)


class FeatureNetwork(Protocol):
    """A frozen network that gives the maps of its named layers."""

    def features(self, x: Tensor, layers: Sequence[str], *, before_act: bool = False) -> Mapping[str, Tensor]:
        """Maps ``(B, C, H, W)`` of the layers, by name."""
        ...


@in_full_precision
def perceptual(
    network: FeatureNetwork,
    prediction: Tensor,
    target: Tensor,
    *,
    layers: Sequence[str],
    before_act: bool = False,
    error: ErrorKind = "l2",
    reduction: Reduction = "mean",
) -> Tensor:
    """Distance of the features of two images, summed over layers.

    Sources: "Correction of out-of-focus microscopic images by deep learning" (squares, ``conv3_3`` after
    its ReLU); "Microscopy Image Restoration using Deep Learning on W2S" (absolute values, ``conv3_4`` before
    its ReLU, summed over pixels in the released code).

    Parameters
    ----------
    network : FeatureNetwork
        Frozen; gradients flow through it to the prediction.
    prediction, target : Tensor
        ``(B, C, H, W)`` of one shape, in the value range that the network declares. The target is a constant:
        no gradient flows into it.
    layers : sequence of str
        Layers by the network's names; one at least.
    before_act : bool
        Take the maps before their activation.
    error, reduction
        Absolute or squared difference; mean, or sum over the pixels of a map as in `l1`.
    """
    need_same_shape(prediction, target)
    pairs = _pairs(network, prediction, target, layers, before_act)
    return torch.stack([reduced(difference(p, t, error), reduction) for p, t in pairs]).sum()


@in_full_precision
def texture(
    network: FeatureNetwork,
    prediction: Tensor,
    target: Tensor,
    *,
    layers: Sequence[str],
    before_act: bool = False,
) -> Tensor:
    """Mean absolute difference of the Gram matrices of two images' features, summed over layers.

    Where a pattern stands does not matter, only which features occur together. Parameters as in `perceptual`.
    Source: the rejected experiment of "Microscopy Image Restoration using Deep Learning on W2S".
    """
    need_same_shape(prediction, target)
    pairs = _pairs(network, prediction, target, layers, before_act)
    return torch.stack([(gram(p) - gram(t)).abs().mean() for p, t in pairs]).sum()


def gram(maps: Tensor) -> Tensor:
    """Gram matrices ``(B, C, C)`` of maps ``(B, C, H, W)``, divided by ``C * H * W``."""
    flat = maps.flatten(2)
    return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def _pairs(
    network: FeatureNetwork, prediction: Tensor, target: Tensor, layers: Sequence[str], before_act: bool
) -> list[tuple[Tensor, Tensor]]:
    if not layers:
        raise InputError("The feature loss has no layers; name one layer of the feature network at least.")
    with torch.no_grad():
        wanted = network.features(target, layers, before_act=before_act)
    given = network.features(prediction, layers, before_act=before_act)
    return [(given[name], wanted[name]) for name in layers]
