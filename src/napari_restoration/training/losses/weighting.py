"""Weights of losses that are learnt with the networks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError

_LIMIT = 10.0


class HomoscedasticWeights(nn.Module):
    """``L = sum_k (0.5 exp(-s_k) L_k + 0.5 s_k)`` plus the terms of fixed weight; the ``s_k`` are learnt.

    Source: Kendall 2018. ``exp(s_k)`` is the noise level of task ``k``: a constant ``L_k`` drives it to
    ``L_k``. Adversarial terms have no likelihood and a Laplace likelihood has its own scale, so both keep
    fixed weights. Give `parameters` to an optimizer without weight decay.

    Parameters
    ----------
    start : mapping of str to float
        Weight of each learnt term at step 0: ``s_k`` starts at ``-ln(2 w_k)``. The losses must not be negative.
    fixed : mapping of str to float
        Weights that stay as they are.
    """

    def __init__(self, start: Mapping[str, float], fixed: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self._fixed = dict(fixed or {})
        both = sorted(set(start) & set(self._fixed))
        if both:
            raise InputError(f"The loss {both[0]!r} has a learnt and a fixed weight; give one of them.")
        lowest, highest = math.exp(-_LIMIT) / 2, math.exp(_LIMIT) / 2
        for name, weight in start.items():
            if not lowest <= weight <= highest:
                raise InputError(
                    f"The learnt weight of {name!r} starts at {weight:g}, but must be between "
                    f"{lowest:.1e} and {highest:.1e}."
                )
        self.s = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor(-math.log(2 * weight))) for name, weight in start.items()}
        )

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The scalar to minimise, from exactly the losses that have weights.

        Raises
        ------
        InputError
            If a loss lacks a weight or a weight its loss.
        """
        odd = sorted(set(losses) ^ {*self.s, *self._fixed})
        if odd:
            raise InputError(
                f"The loss {odd[0]!r} has no weight, or its value is missing; the two must match."
            )
        self._keep_limits()
        terms = [0.5 * torch.exp(-s) * losses[name].to(s.dtype) + 0.5 * s for name, s in self.s.items()]
        terms += [weight * losses[name] for name, weight in self._fixed.items()]
        return torch.stack(terms).sum()

    def weights(self) -> dict[str, float]:
        """The weight of each loss now, ``0.5 exp(-s_k)`` for the learnt ones."""
        return {name: 0.5 * math.exp(-float(s.detach())) for name, s in self.s.items()} | self._fixed

    @torch.no_grad()
    def _keep_limits(self) -> None:
        # In place: a clamp inside the formula would have no slope beyond the limit and hold s there for good.
        for s in self.s.values():
            s.clamp_(-_LIMIT, _LIMIT)
