"""What the training core asks of a method, and what it gives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from napari_restoration.models.archs import build, geometry
from napari_restoration.training.method_settings import ADVERSARIAL
from napari_restoration.training.methods.objective import Comparison, Weighing
from napari_restoration.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Files:
    """Local files of other people's weights, which belong to a run and not to its recipe.

    Parameters
    ----------
    features : Path or None
        Of the feature network.
    backbone : Path or None
        Of the frozen part of the generator.
    """

    features: Path | None = None
    backbone: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A batch or, where memory is short, a part of one.

    Parameters
    ----------
    given, target : Tensor
        On the device; the target belongs to other fields than the input if the method is unpaired.
    start, stop : int
        Which of the batch's patches these are.
    """

    given: Tensor
    target: Tensor
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Player:
    """Networks that are changed together, by one optimizer.

    Parameters
    ----------
    name : str
    networks : tuple of str
        Whose weights it moves; all others stand still while it plays.
    learning_rate : float
    repeats : int
        Steps it makes with each batch.
    """

    name: str
    networks: tuple[str, ...]
    learning_rate: float
    repeats: int = 1


class Engine(Protocol):
    """What a method may ask of the core: to run a network by name, in the run's precision and randomness."""

    def forward(self, name: str, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The output of the network of this name in training mode."""
        ...

    def network(self, name: str) -> nn.Module:
        """The network itself, for what must not be computed in reduced precision."""
        ...


class Method(ABC):
    """One way of training; networks, optimizers, precision and random numbers are the core's.

    Parameters
    ----------
    recipe : Recipe
    files : Files
    """

    restores = "generator"
    """The network whose averaged weights are validated and shipped."""
    smallest_batch = 1
    """Patches that a part of a batch needs at least."""

    def __init__(self, recipe: Recipe, files: Files) -> None:
        self.recipe, self.files = recipe, files
        self.geometry = geometry(recipe.arch, **recipe.arch_args)
        weights = dict(recipe.training.losses)
        self.compared = Comparison(recipe, self.geometry, files.features)
        self.weighing = Weighing(weights, automatic=recipe.method.automatic_weights)
        games = [name for name in weights if name in ADVERSARIAL]
        self.game = games[0] if games else ""
        if self.game in ("ragan", "ragan_ls"):
            self.smallest_batch = 2

    def networks(self) -> dict[str, nn.Module]:
        """All that learns, freshly drawn from torch's global generator; called once, before all else.

        The network that `restores` comes first.
        """
        generator = build(self.recipe.arch, **self.recipe.arch_args)
        if self.files.backbone is not None:
            self._load_backbone(generator)
        learnt = self.weighing.module()
        return {"generator": generator} | ({"weights": learnt} if learnt is not None else {})

    @abstractmethod
    def players(self, phase: int) -> tuple[Player, ...]:
        """Who plays in a phase, in this order; the first moves the network that `restores`."""

    @abstractmethod
    def objective(
        self, player: str, part: Part, engine: Engine, phase: int
    ) -> tuple[Tensor, dict[str, float]]:
        """The scalar that the player minimises, and its unweighted losses by name."""

    def begin(self) -> None:  # noqa: B027 (most have nothing to do)
        """Called before each batch."""

    def phase(self, progress: float) -> int:
        """Number of the phase at this share of the training."""
        return 0

    def phase_progress(self, progress: float) -> float:
        """Share of the present phase that is over, at this share of the training."""
        return progress

    def loss_names(self) -> tuple[str, ...]:
        """Names of all losses of all phases, as `objective` gives them."""
        return tuple(self.recipe.training.losses)

    def to(self, device: object) -> None:
        """Move what does not learn."""
        self.compared.to(device)

    def tensors(self) -> dict[str, Tensor]:
        """Everything else that decides what happens next, by name."""
        return {}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:  # noqa: B027
        """Take up what `tensors` gave."""

    def frozen_modules(self, generator: nn.Module, epoch: int) -> list[nn.Module]:
        """Parts of the generator that stand still in this epoch."""
        settings = self.recipe.method
        if self.files.backbone is None or not settings.frozen_module or epoch >= settings.frozen_epochs:
            return []
        return [generator.get_submodule(settings.frozen_module)]

    def _player(self, name: str, *networks: str, rate: float | None = None, repeats: int = 1) -> Player:
        chosen = self.recipe.training.learning_rate if rate is None else rate
        return Player(name=name, networks=networks, learning_rate=chosen, repeats=repeats)

    def _generator_player(self, *networks: str) -> Player:
        learnt = ("weights",) if self.weighing.automatic else ()
        return self._player("generator", *networks, *learnt)

    def _load_backbone(self, generator: nn.Module) -> None:
        from napari_restoration.core.errors import InputError

        if not hasattr(generator, "load_imagenet"):
            raise InputError(
                f"The network {self.recipe.arch!r} has no part that takes ImageNet weights; leave the file out."
            )
        generator.load_imagenet(self.files.backbone)  # type: ignore[operator]
