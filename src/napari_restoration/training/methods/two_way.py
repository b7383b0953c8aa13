"""Two generators, there and back, and a critic for each kind of image: COMI with pairs, CycleGAN without."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.models.archs import build
from napari_restoration.training.losses import ADVERSARIAL, FakePool, cycle, gradient_penalty, identity
from napari_restoration.training.methods.base import Engine, Files, Method, Part, Player
from napari_restoration.training.methods.critics import Judge
from napari_restoration.training.methods.objective import finest, numbers
from napari_restoration.training.recipe import Recipe


class TwoWay(Method):
    """``generator`` restores, ``back`` degrades; ``critic`` judges sharp images, ``critic_back`` degraded ones.

    Each loss is the sum of both directions, that of the critics their mean by each critic's own definition.
    Unpaired, the critics see earlier images from a pool in place of half of the new ones.
    """

    def __init__(self, recipe: Recipe, files: Files) -> None:
        super().__init__(recipe, files)
        shape = self.geometry
        if shape.burst or shape.scale != 1 or shape.in_channels != shape.out_channels or shape.laplace_scale:
            raise InputError(
                f"The method {recipe.method.kind!r} goes there and back; the network {recipe.arch!r} of this recipe "
                "gives other images than it takes."
            )
        self._judge = Judge(recipe, shape)
        size = recipe.method.pool if recipe.method.unpaired else 0
        # One pool for each direction, drawn apart.
        self._pools = {
            "fake": FakePool(size, seed=2 * recipe.seed),
            "fake_back": FakePool(size, seed=2 * recipe.seed + 1),
        }
        self._draws = torch.Generator().manual_seed(recipe.seed)
        self._new: dict[str, list[Tensor]] = {}
        self._shown: dict[str, Tensor] = {}

    def networks(self) -> dict[str, nn.Module]:
        """Both generators and both critics."""
        first = super().networks()
        back = build(self.recipe.arch, **self.recipe.arch_args)
        return first | {"back": back, "critic": self._judge.build(), "critic_back": self._judge.build()}

    def players(self, phase: int) -> tuple[Player, ...]:
        """Both generators, then both critics."""
        settings = self.recipe.method
        critics = self._player(
            "critic", "critic", "critic_back",
            rate=settings.critic_learning_rate, repeats=settings.critic_repeats,
        )  # fmt: skip
        return self._generator_player("generator", "back"), critics

    def loss_names(self) -> tuple[str, ...]:
        """The recipe's losses and the critics'."""
        extra = ("penalty",) if ADVERSARIAL[self.game].penalised else ()
        return (*self.recipe.training.losses, "critic", *extra)

    def begin(self) -> None:
        """Forget the images of the batch before."""
        self._new, self._shown = {}, {}

    def objective(
        self, player: str, part: Part, engine: Engine, phase: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Losses of both generators, or of both critics."""
        return self._generators(part, engine) if player == "generator" else self._critics(part, engine)

    def _generators(self, part: Part, engine: Engine) -> tuple[Tensor, dict[str, float]]:
        if part.start == 0:
            self.begin()
        blurred, sharp = part.given, part.target
        fake = self._made(engine, "generator", blurred)
        fake_back = self._made(engine, "back", sharp)
        self._new.setdefault("fake", []).append(fake.detach())
        self._new.setdefault("fake_back", []).append(fake_back.detach())
        names = list(self.recipe.training.losses)
        parts: dict[str, Tensor] = {}
        if not self.recipe.method.unpaired:
            there = self.compared.parts(names, fake, sharp)
            back = self.compared.parts(names, fake_back, blurred)
            parts = {name: there[name] + back[name] for name in there}
        parts[self.game] = self._judge.generator_loss(engine, "critic", sharp, fake)
        parts[self.game] = parts[self.game] + self._judge.generator_loss(
            engine, "critic_back", blurred, fake_back
        )
        parts["cycle"] = cycle(self._made(engine, "back", fake), blurred)
        parts["cycle"] = parts["cycle"] + cycle(self._made(engine, "generator", fake_back), sharp)
        if "identity" in names:
            parts["identity"] = identity(self._made(engine, "generator", sharp), sharp)
            parts["identity"] = parts["identity"] + identity(self._made(engine, "back", blurred), blurred)
        return self.weighing.total(parts), numbers(parts)

    def _critics(self, part: Part, engine: Engine) -> tuple[Tensor, dict[str, float]]:
        if not self._shown:
            # Once a batch, however often the critics play.
            self._shown = {
                name: self._pools[name].exchange(torch.cat(new)) for name, new in self._new.items()
            }
        parts: dict[str, Tensor] = {}
        for critic, name, real in (
            ("critic", "fake", part.target),
            ("critic_back", "fake_back", part.given),
        ):
            fake = self._shown[name][part.start : part.stop]
            found = {"critic": self._judge.critic_loss(engine, critic, real, fake)}
            if ADVERSARIAL[self.game].penalised:
                found["penalty"] = self._penalty(engine, critic, real, fake)
            parts = {key: parts[key] + loss if key in parts else loss for key, loss in found.items()}
        return torch.stack(list(parts.values())).sum(), numbers(parts)

    def _penalty(self, engine: Engine, critic: str, real: Tensor, fake: Tensor) -> Tensor:
        weight = self.recipe.method.penalty
        return gradient_penalty(engine.network(critic), real, fake, generator=self._draws, weight=weight)

    def _made(self, engine: Engine, name: str, image: Tensor) -> Tensor:
        return finest(engine.forward(name, image), self.geometry.out_channels)

    def tensors(self) -> dict[str, Tensor]:
        """The pools and the generator of the penalty's random points."""
        found = {"draws": self._draws.get_state()}
        for name, pool in self._pools.items():
            found |= {f"{name}.{key}": value for key, value in pool.tensors().items()}
        return found

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave."""
        self._draws.set_state(tensors["draws"])
        for name, pool in self._pools.items():
            prefix = f"{name}."
            pool.load_tensors({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
