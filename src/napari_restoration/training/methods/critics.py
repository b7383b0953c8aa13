"""A critic in play: built to the recipe's images, asked for logits, and the two sides of its game."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.models.archs.critics import CRITICS, build_critic
from napari_restoration.training.limits import need
from napari_restoration.training.losses import ADVERSARIAL
from napari_restoration.training.method_settings import ADVERSARIAL as GAMES
from napari_restoration.training.methods.base import Engine
from napari_restoration.training.recipe import Recipe

if TYPE_CHECKING:
    from napari_restoration.models.archs.settings import Geometry


class Judge:
    """The critics of a recipe and the adversarial loss they play by.

    Parameters
    ----------
    recipe : Recipe
    geometry : Geometry
        Of the generator whose images are judged.
    """

    def __init__(self, recipe: Recipe, geometry: Geometry) -> None:
        method = recipe.method
        if geometry.ndim != 2:
            raise InputError(
                f"The method {method.kind!r} has critics of planes; {recipe.arch!r} gives volumes."
            )
        need(method.critic in CRITICS, "method.critic", method.critic, f"one of {', '.join(CRITICS)}")
        self._name = method.critic
        self._args: dict[str, Any] = {"channels": geometry.out_channels}
        if method.conditioned:
            self._args["condition_channels"] = geometry.in_channels
        if method.critic == "vgg":
            self._args["side"] = recipe.training.patch * recipe.scale
        self._args |= method.critic_args
        game = next(name for name in recipe.training.losses if name in GAMES)
        self._game = ADVERSARIAL[game]
        if method.critic == "patch-released" and game != "lsgan":
            raise InputError(
                "The recipe's method.critic 'patch-released' gives probabilities and plays 'lsgan' alone, "
                f"not {game!r}."
            )
        if method.critic == "patch-pair" and self._game.penalised:
            raise InputError("The recipe's method.critic 'patch-pair' has no gradient penalty; use 'patch'.")

    def build(self) -> nn.Module:
        """A critic with fresh weights."""
        return build_critic(self._name, **self._args)

    def logits(
        self, engine: Engine, critic: str, image: Tensor, condition: Tensor | None
    ) -> tuple[Tensor, ...]:
        """What each head of the critic says of the images."""
        out = engine.forward(critic, image) if condition is None else engine.forward(critic, image, condition)
        return (out,) if isinstance(out, Tensor) else tuple(out)

    def generator_loss(
        self, engine: Engine, critic: str, real: Tensor, fake: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """How far the generated images are from passing."""
        fakes = self.logits(engine, critic, fake, condition)
        reals = fakes
        if self._game.real_in_generator:
            # Apart from the fakes: norms over a batch must not mix the two kinds.
            with torch.no_grad():
                reals = self.logits(engine, critic, real, condition)
        losses = [self._game.generator(r, f) for r, f in zip(reals, fakes, strict=True)]
        return torch.stack(losses).mean()

    def critic_loss(
        self, engine: Engine, critic: str, real: Tensor, fake: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """How badly the critic tells the two kinds apart."""
        reals = self.logits(engine, critic, real, condition)
        fakes = self.logits(engine, critic, fake, condition)
        losses = [self._game.critic(r, f) for r, f in zip(reals, fakes, strict=True)]
        return torch.stack(losses).mean()
