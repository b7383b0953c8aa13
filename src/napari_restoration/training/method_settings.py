"""Which networks are trained and how they play together, as the ``[method]`` table of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from napari_restoration.core.errors import InputError
from napari_restoration.training.limits import choice, need
from napari_restoration.training.loss_table import LOSSES

Kind = Literal["regression", "two_phase", "conditional_gan", "comi", "cycle"]
FeatureName = Literal["vgg19", "microfeat"]
ErrorKind = Literal["l1", "l2"]
FeatureWeights = Literal["file", "drawn"]

ADVERSARIAL = frozenset(name for name, meaning in LOSSES.items() if meaning.needs == "critic")

_PAIRED = {"target", "scales", "laplace scale", "features"}
_TAKES: Mapping[str, frozenset[str]] = {
    "regression": frozenset(_PAIRED),
    "two_phase": frozenset({*_PAIRED, "critic"}),
    "conditional_gan": frozenset({*_PAIRED, "critic"}),
    "comi": frozenset({"target", "features", "critic", "second generator", "sharp input"}),
    "cycle": frozenset({"critic", "second generator", "sharp input"}),
}


@dataclass(frozen=True, kw_only=True)
class MethodSettings:
    """How the networks of a recipe learn.

    Parameters
    ----------
    kind : str
        "regression": one network on pairs. "two_phase": pixel losses first, then with a critic.
        "conditional_gan": a critic from the start (Pix2Pix, DeblurGAN, DeblurGAN-v2). "comi": a second network
        for the way back, two critics, pairs. "cycle": the same without pairs.
    critic, critic_args
        Entry of `napari_restoration.models.archs.critics.CRITICS` and its settings; channels, and the side of
        the patches where the critic is made for one, come from the recipe.
    critic_repeats : int
        Steps of the critic for each step of the generator.
    critic_learning_rate : float or None
        None: that of the generator.
    penalty : float
        Weight of the gradient penalty ("wgan_gp" alone).
    conditioned : bool
        The critic sees the input beside the image that it judges.
    first_share, first_losses
        "two_phase": share of the training, and the losses, of the first phase.
    pool : int
        "cycle": generated images kept to be shown to the critics again.
    features, feature_args, feature_layers, before_activation, feature_error
        Network whose features the losses "perceptual" and "texture" compare, and how.
    feature_weights : {"file", "drawn"}
        From a local file that is named when the run is started ("microfeat" without one: the weights that come with
        the package), or drawn from the seed (for tests).
    frozen_module, frozen_epochs
        Part of the generator, by its name, that stays as its file of weights gave it during the first epochs;
        without such a file nothing is frozen.
    automatic_weights : bool
        Weights of the losses are learnt, starting from those of the recipe.
    """

    kind: Kind = "regression"
    critic: str = "patch"
    critic_args: Mapping[str, Any] = field(default_factory=dict)
    critic_repeats: int = 1
    critic_learning_rate: float | None = None
    penalty: float = 10.0
    conditioned: bool = False
    first_share: float = 0.5
    first_losses: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    pool: int = 50
    features: FeatureName = "vgg19"
    feature_args: Mapping[str, Any] = field(default_factory=dict)
    feature_layers: tuple[str, ...] = ("conv3_3",)
    before_activation: bool = False
    feature_error: ErrorKind = "l2"
    feature_weights: FeatureWeights = "file"
    frozen_module: str = ""
    frozen_epochs: int = 0
    automatic_weights: bool = False

    def __post_init__(self) -> None:
        choice(self.kind, Kind, "method.kind")
        choice(self.features, FeatureName, "method.features")
        choice(self.feature_error, ErrorKind, "method.feature_error")
        choice(self.feature_weights, FeatureWeights, "method.feature_weights")
        need(self.critic_repeats >= 1, "method.critic_repeats", self.critic_repeats, "at least 1")
        rate = self.critic_learning_rate
        need(rate is None or 0 < rate <= 1, "method.critic_learning_rate", rate, "above 0 and at most 1")
        need(self.penalty > 0, "method.penalty", self.penalty, "above 0")
        need(0 < self.first_share < 1, "method.first_share", self.first_share, "between 0 and 1")
        need(self.pool >= 0, "method.pool", self.pool, "at least 0")
        need(self.frozen_epochs >= 0, "method.frozen_epochs", self.frozen_epochs, "at least 0")
        need(bool(self.feature_layers), "method.feature_layers", self.feature_layers, "one layer at least")

    @property
    def unpaired(self) -> bool:
        """Inputs and targets are of different fields of view."""
        return self.kind == "cycle"


def needs_features(losses: Mapping[str, float]) -> bool:
    """Whether one of the losses compares features."""
    return any(LOSSES[name].needs == "features" for name in losses)


def check_losses(method: MethodSettings, losses: Mapping[str, float]) -> None:
    """Refuse losses that the method has nothing to compute from, and a method with critics but no game.

    Raises
    ------
    InputError
        Naming the loss and the method.
    """
    for name in losses:
        if LOSSES[name].needs not in _TAKES[method.kind]:
            raise InputError(
                f"The recipe's training.losses has {name!r}, which needs a {LOSSES[name].needs}; the method "
                f"{method.kind!r} has none."
            )
    games = sorted(ADVERSARIAL & set(losses))
    if method.kind != "regression" and len(games) != 1:
        raise InputError(
            f"The recipe's training.losses has {len(games)} adversarial losses; the method {method.kind!r} needs "
            f"exactly one of {', '.join(sorted(ADVERSARIAL))}."
        )
    if method.kind in ("comi", "cycle") and "cycle" not in losses:
        raise InputError(
            f"The recipe's training.losses lacks 'cycle', which ties the method {method.kind!r}."
        )
    if method.kind == "two_phase":
        for name in method.first_losses:
            if name not in LOSSES or LOSSES[name].needs not in _PAIRED - {"features"}:
                raise InputError(
                    f"The recipe's method.first_losses has {name!r}; choose losses of the target alone."
                )
