"""A network that learns from pairs and from a critic: Pix2Pix, DeblurGAN, DeblurGAN-v2, and RRDB in two phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.training.losses import ADVERSARIAL, gradient_penalty
from napari_restoration.training.methods.base import Engine, Files, Method, Part, Player
from napari_restoration.training.methods.critics import Judge
from napari_restoration.training.methods.objective import Weighing, finest, numbers
from napari_restoration.training.recipe import Recipe


class ConditionalGAN(Method):
    """Pairs, with one critic (or a pair of critics whose losses are averaged).

    The generator moves first, judged by the critic as it is; then the critic, on the images that the generator
    gave before its step.
    """

    def __init__(self, recipe: Recipe, files: Files) -> None:
        super().__init__(recipe, files)
        if recipe.method.conditioned and (self.geometry.burst or self.geometry.scale != 1):
            raise InputError(
                f"The recipe's method.conditioned needs an input like the target; the network {recipe.arch!r} "
                "takes bursts or enlarges."
            )
        self._judge = Judge(recipe, self.geometry)
        self._draws = torch.Generator().manual_seed(recipe.seed)
        self._fakes: list[Tensor] = []

    def networks(self) -> dict[str, nn.Module]:
        """Generator and critic."""
        return super().networks() | {"critic": self._judge.build()}

    def players(self, phase: int) -> tuple[Player, ...]:
        """Generator, then critic."""
        settings = self.recipe.method
        critic = self._player(
            "critic", "critic", rate=settings.critic_learning_rate, repeats=settings.critic_repeats
        )
        return self._generator_player("generator"), critic

    def loss_names(self) -> tuple[str, ...]:
        """The recipe's losses and the critic's."""
        extra = ("penalty",) if ADVERSARIAL[self.game].penalised else ()
        return (*self.recipe.training.losses, "critic", *extra)

    def begin(self) -> None:
        """Forget the images of the batch before."""
        self._fakes = []

    def objective(
        self, player: str, part: Part, engine: Engine, phase: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Losses of generator or critic."""
        return self._generator(part, engine) if player == "generator" else self._critic(part, engine)

    def _generator(self, part: Part, engine: Engine) -> tuple[Tensor, dict[str, float]]:
        if part.start == 0:
            self._fakes = []
        output = engine.forward("generator", part.given)
        fake = finest(output, self.geometry.out_channels)
        self._fakes.append(fake.detach())
        parts = self.compared.parts(list(self.recipe.training.losses), output, part.target)
        parts[self.game] = self._judge.generator_loss(
            engine, "critic", part.target, fake, self._condition(part)
        )
        return self.weighing.total(parts), numbers(parts)

    def _critic(self, part: Part, engine: Engine) -> tuple[Tensor, dict[str, float]]:
        fake = torch.cat(self._fakes)[part.start : part.stop]
        condition = self._condition(part)
        loss = self._judge.critic_loss(engine, "critic", part.target, fake, condition)
        parts = {"critic": loss}
        if ADVERSARIAL[self.game].penalised:
            penalty = self.recipe.method.penalty

            def judged(image: Tensor) -> Tensor:
                critic = engine.network("critic")
                logits: Tensor = critic(image) if condition is None else critic(image, condition)
                return logits

            parts["penalty"] = gradient_penalty(
                judged, part.target, fake, generator=self._draws, weight=penalty
            )
        return torch.stack(list(parts.values())).sum(), numbers(parts)

    def _condition(self, part: Part) -> Tensor | None:
        return part.given if self.recipe.method.conditioned else None

    def tensors(self) -> dict[str, Tensor]:
        """The generator of the penalty's random points."""
        return {"draws": self._draws.get_state()}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave."""
        self._draws.set_state(tensors["draws"])


class TwoPhase(ConditionalGAN):
    """Pixel losses until the network predicts well, then the recipe's losses with the critic (W2S report)."""

    def __init__(self, recipe: Recipe, files: Files) -> None:
        super().__init__(recipe, files)
        self._first = Weighing(recipe.method.first_losses)

    def phase(self, progress: float) -> int:
        """0 before ``method.first_share`` of the training, then 1."""
        return int(progress >= self.recipe.method.first_share)

    def phase_progress(self, progress: float) -> float:
        """Each phase has the recipe's schedule for itself."""
        share = self.recipe.method.first_share
        return progress / share if progress < share else (progress - share) / (1 - share)

    def players(self, phase: int) -> tuple[Player, ...]:
        """The generator alone in the first phase."""
        both = super().players(phase)
        return both if phase else both[:1]

    def loss_names(self) -> tuple[str, ...]:
        """Losses of both phases."""
        return tuple(dict.fromkeys([*self.recipe.method.first_losses, *super().loss_names()]))

    def objective(
        self, player: str, part: Part, engine: Engine, phase: int
    ) -> tuple[Tensor, dict[str, float]]:
        """The first losses, or those of the adversarial phase."""
        if phase:
            return super().objective(player, part, engine, phase)
        output = engine.forward("generator", part.given)
        names: Sequence[str] = list(self.recipe.method.first_losses)
        parts = self.compared.parts(names, output, part.target)
        return self._first.total(parts), numbers(parts)
