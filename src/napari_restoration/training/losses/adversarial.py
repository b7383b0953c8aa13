"""Adversarial losses: one function for the generator and one for the critic, all on logits.

A critic returns ``(B, 1)`` logits or a map ``(B, 1, H, W)`` with one for each patch; means are taken over all.
Expectations of the relativistic losses are means over the batch (and over the patches of a map).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_restoration.core.errors import InputError
from napari_restoration.training.losses._common import in_full_precision, need_same_shape

GeneratorLoss = Callable[[Tensor, Tensor], Tensor]
CriticLoss = Callable[[Tensor, Tensor], Tensor]


@in_full_precision
def least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    """``E[(C(f) - 1)^2]``; the logits of real images play no part. Source: Mao 2017 (LSGAN)."""
    return (fake - 1).square().mean()


@in_full_precision
def least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``(E[(C(r) - 1)^2] + E[C(f)^2]) / 2``. Source: Mao 2017 (LSGAN)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


@in_full_precision
def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``bce(C(r) - E C(f), 1) + bce(C(f) - E C(r), 0)`` with the logistic function inside ``bce``.

    Source: Jolicoeur-Martineau 2018 (RaGAN), as used by "Microscopy Image Restoration using Deep Learning
    on W2S". Equal logits give ``2 ln 2``.
    """
    above, below = _relative(real, fake)
    return _bce(above, 1.0) + _bce(below, 0.0)


@in_full_precision
def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """`relativistic_critic` with real and fake exchanged."""
    above, below = _relative(fake, real)
    return _bce(above, 1.0) + _bce(below, 0.0)


@in_full_precision
def relativistic_least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``(E[(C(r) - E C(f) - 1)^2] + E[(C(f) - E C(r) + 1)^2]) / 2``.

    Source: Kupyn 2019 (DeblurGAN-v2), the comparator of "TEM image restoration from fast image streams".
    """
    above, below = _relative(real, fake)
    return ((above - 1).square().mean() + (below + 1).square().mean()) / 2


@in_full_precision
def relativistic_least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    """`relativistic_least_squares_critic` with real and fake exchanged."""
    above, below = _relative(fake, real)
    return ((above - 1).square().mean() + (below + 1).square().mean()) / 2


@in_full_precision
def wasserstein_generator(real: Tensor, fake: Tensor) -> Tensor:
    """``-E[C(f)]``; the logits of real images play no part. Source: Arjovsky 2017."""
    return -fake.mean()


@in_full_precision
def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``E[C(f)] - E[C(r)]``; add `gradient_penalty`. Source: Arjovsky 2017."""
    return fake.mean() - real.mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    *,
    generator: torch.Generator,
    weight: float = 10.0,
) -> Tensor:
    """``weight * E[(|grad C(x)| - 1)^2]`` at random points ``x`` between real and generated images.

    Source: Gulrajani 2017 (WGAN-GP). The norm is taken for each image over all its pixels. A map of logits
    counts by its mean, which is what `wasserstein_critic` compares.

    Parameters
    ----------
    critic : callable
        Images to logits; its parameters receive the gradient.
    real, fake : Tensor
        Images ``(B, C, H, W)`` of one shape; both are constants here.
    generator : torch.Generator
        Draws the mixing share of each image, on the CPU, so that all devices see the same ones.
    weight : float
        Factor of the penalty.
    """
    need_same_shape(real, fake, ("batch of real images", "batch of generated ones"))
    share = torch.rand(len(real), generator=generator).to(real.device)
    with torch.autocast(real.device.type, enabled=False):
        ends = [x.detach() if x.dtype == torch.float64 else x.detach().float() for x in (real, fake)]
        mixed = torch.lerp(ends[1], ends[0], share.to(ends[0]).reshape(-1, *[1] * (real.ndim - 1)))
        mixed.requires_grad_(True)
        logits = critic(mixed)
        (slope,) = torch.autograd.grad(logits.flatten(1).mean(dim=1).sum(), mixed, create_graph=True)
        length = torch.linalg.vector_norm(slope.flatten(1), dim=1)
        penalty: Tensor = weight * (length - 1).square().mean()
    return penalty


@dataclass(frozen=True)
class AdversarialLoss:
    """The two sides of one game.

    Attributes
    ----------
    generator, critic
        Functions of the logits of real and of generated images, in this order.
    real_in_generator
        The generator's loss looks at the logits of real images too.
    penalised
        The critic's loss needs `gradient_penalty` beside it.
    """

    generator: GeneratorLoss
    critic: CriticLoss
    real_in_generator: bool = False
    penalised: bool = False


ADVERSARIAL: Mapping[str, AdversarialLoss] = MappingProxyType(
    {
        "lsgan": AdversarialLoss(least_squares_generator, least_squares_critic),
        "ragan": AdversarialLoss(relativistic_generator, relativistic_critic, real_in_generator=True),
        "ragan_ls": AdversarialLoss(
            relativistic_least_squares_generator, relativistic_least_squares_critic, real_in_generator=True
        ),
        "wgan_gp": AdversarialLoss(wasserstein_generator, wasserstein_critic, penalised=True),
    }
)


def _relative(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    if min(first.numel(), second.numel()) < 2:
        raise InputError(
            "A relativistic loss compares with the mean of a batch and got a single logit; use a batch of 2 or more."
        )
    return first - second.mean(), second - first.mean()


def _bce(logits: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
