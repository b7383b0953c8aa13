"""What holds for every loss, whatever it measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.training import losses
from napari_restoration.training.losses.combined import _OF_ALL_SCALES, _OF_THE_MEAN


class Squares(nn.Module):
    """A smooth feature network of two layers."""

    def features(self, x: Tensor, layers: Sequence[str], *, before_act: bool = False) -> dict[str, Tensor]:
        first = x * x + 0.5 * x
        return {"one": first, "two": nn.functional.avg_pool2d(first, 2)}


def _perceptual(prediction: Tensor, target: Tensor) -> Tensor:
    return losses.perceptual(Squares(), prediction, target, layers=("one", "two"))


def _texture(prediction: Tensor, target: Tensor) -> Tensor:
    return losses.texture(Squares(), prediction, target, layers=("one", "two"))


def _laplace(prediction: Tensor, target: Tensor) -> Tensor:
    return losses.laplace_nll(torch.cat([prediction, 2 * prediction], dim=1), target)


def _penalty(prediction: Tensor, target: Tensor) -> Tensor:
    """The penalty as a function of a critic's weights, here ``prediction``."""

    def critic(x: Tensor) -> Tensor:
        return (x.square() * prediction.to(x)).flatten(1).sum(dim=1, keepdim=True)

    generator = torch.Generator().manual_seed(4)
    return losses.gradient_penalty(critic, target, -target, generator=generator)


PLAIN: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    **_OF_THE_MEAN,
    **{
        name: (lambda p, t, f=function: f([p, p[..., ::2, :4:2]], t))
        for name, function in _OF_ALL_SCALES.items()
    },
    "laplace_nll": _laplace,
    "perceptual": _perceptual,
    "texture": _texture,
    "cycle": losses.cycle,
    "identity": losses.identity,
}
OF_LOGITS = {
    f"{name}, {side}": getattr(game, side)
    for name, game in losses.ADVERSARIAL.items()
    for side in ("generator", "critic")
}
ALL = {**PLAIN, **OF_LOGITS, "gradient penalty": _penalty}


def test_every_loss_of_the_table_is_computed_somewhere() -> None:
    assert set(losses.LOSSES) == {*PLAIN, *losses.ADVERSARIAL}


@pytest.mark.parametrize("name", losses.LOSSES)
def test_the_table_explains_each_loss_in_one_sentence(name: str) -> None:
    meaning = losses.LOSSES[name]
    assert meaning.label
    assert meaning.source
    assert meaning.help.endswith(".")
    assert meaning.help.count(". ") == 0


@pytest.mark.parametrize("name", ALL)
def test_a_loss_is_one_number_whose_slope_is_right(name: str, small_pair) -> None:
    first, second = small_pair
    value = ALL[name](first, second)
    assert value.shape == ()
    assert torch.autograd.gradcheck(lambda x: ALL[name](x, second), first.clone().requires_grad_())


@pytest.mark.parametrize("name", OF_LOGITS)
def test_the_slope_in_the_logits_of_generated_images_is_right(name: str, small_pair) -> None:
    first, second = small_pair
    loss = OF_LOGITS[name]
    assert torch.autograd.gradcheck(lambda x: loss(second, x), first.clone().requires_grad_())


@pytest.mark.parametrize("name", ALL)
def test_a_loss_keeps_float32_inside_autocast(name: str, small_pair) -> None:
    first, second = (image.to(torch.bfloat16) for image in small_pair)
    expected = ALL[name](first.float(), second.float())
    with torch.autocast("cpu", torch.bfloat16):
        value = ALL[name](first, second)
    assert value.dtype == torch.float32
    assert float(value.detach()) == float(expected.detach())


@pytest.mark.parametrize("name", PLAIN)
def test_a_loss_refuses_images_that_would_be_broadcast(name: str, small_pair) -> None:
    first, second = small_pair
    with pytest.raises(InputError, match=r"\(2, 1, 4, 5\)"):
        PLAIN[name](first, second[:, :1])


@pytest.mark.parametrize("name", sorted(set(PLAIN) - {"laplace_nll", "content", "content_l2"}))
def test_a_loss_of_equal_images_is_zero(name: str, pair) -> None:
    image = pair[0][..., :20, :21]
    assert float(PLAIN[name](image, image)) == pytest.approx(0, abs=1e-6)
