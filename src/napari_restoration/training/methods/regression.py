"""One network that learns from pairs."""

from __future__ import annotations

from torch import Tensor

from napari_restoration.training.methods.base import Engine, Method, Part, Player
from napari_restoration.training.methods.objective import numbers


class Regression(Method):
    """BU, BDU, C2F, CARE, DeepDeblur: a prediction is compared with its target."""

    def players(self, phase: int) -> tuple[Player, ...]:
        """The network alone."""
        return (self._generator_player("generator"),)

    def objective(
        self, player: str, part: Part, engine: Engine, phase: int
    ) -> tuple[Tensor, dict[str, float]]:
        """The recipe's losses."""
        output = engine.forward("generator", part.given)
        parts = self.compared.parts(self.loss_names(), output, part.target)
        return self.weighing.total(parts), numbers(parts)
