from __future__ import annotations

import pytest
import torch

from napari_restoration.core.errors import InputError
from napari_restoration.training import losses


def test_losses_are_summed_by_weight_and_reported_by_name(pair) -> None:
    prediction, target = pair
    total, parts = losses.combine({"l1": 2.0, "gradient": 0.5}, prediction, target, laplace=False)
    assert float(total) == pytest.approx(2 * parts["l1"] + 0.5 * parts["gradient"], rel=1e-6)


def test_plain_losses_look_at_the_mean_of_a_probabilistic_prediction(pair) -> None:
    prediction, target = pair
    both = torch.cat([prediction, torch.ones_like(prediction)], dim=1)
    total, _ = losses.combine({"l1": 1.0}, both, target, laplace=True)
    assert float(total) == pytest.approx(float(losses.l1(prediction, target)))


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_what_needs_no_second_network_can_be_combined_and_the_rest_is_refused_by_name(name, pair) -> None:
    prediction, target = pair
    laplace = name == "laplace_nll"
    given = torch.cat([prediction, prediction + 0.1], dim=1) if laplace else prediction
    if losses.LOSSES[name].needs in ("target", "scales", "laplace scale"):
        _, parts = losses.combine({name: 1.0}, given, target, laplace=laplace)
        assert parts[name] > 0
    else:
        with pytest.raises(InputError, match=name):
            losses.combine({name: 1.0}, given, target, laplace=laplace)
