"""What happens to the weights: optimizer, learning rate, moving average, one training step, validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch  # noqa: TID253 (only the training run imports this module)
from torch import Tensor, nn  # noqa: TID253

from napari_restoration.core.errors import RestorationError
from napari_restoration.models.archs import build, geometry
from napari_restoration.training.losses import combine
from napari_restoration.training.patches import Batch
from napari_restoration.training.recipe import Recipe

_LOWEST_SHARE = 0.01


class Fit:
    """A network, its optimizer and the moving average of its weights.

    Parameters
    ----------
    recipe : Recipe
    device : str
        Where to compute, as torch names it.
    """

    def __init__(self, recipe: Recipe, device: str = "cpu") -> None:
        self._recipe = recipe
        self._device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self._rng = torch.get_rng_state()
            self.network = build(recipe.arch, **recipe.arch_args)
            self.averaged = build(recipe.arch, **recipe.arch_args)
        self.averaged.load_state_dict(self.network.state_dict())
        shape = geometry(recipe.arch, **recipe.arch_args)
        self._laplace = shape.laplace_scale
        # Channels-last is faster for planes; bursts keep their frame axis in front of the channels.
        self._format = torch.contiguous_format if shape.burst else torch.channels_last
        for module in (self.network, self.averaged):
            module.to(device)
            module.to(memory_format=self._format)  # type: ignore[call-overload]
        self.averaged.requires_grad_(False)
        settings = recipe.training
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.steps_averaged = 0
        self.frozen = False

    def step(self, batch: Batch, rate: float) -> float:
        """One optimizer step at this learning rate; returns the loss, NaN where the step was left out.

        A step whose loss or gradient is not finite changes nothing.
        """
        given, target = self._placed(batch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        if self.frozen:
            for norm in _norms(self.network):
                norm.eval()
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._rng)
            with torch.autocast(
                self._device_type, torch.bfloat16, enabled=self._recipe.training.precision == "bf16"
            ):
                prediction = self.network(given)
            self._rng = torch.get_rng_state()
        loss, _ = combine(self._recipe.training.losses, prediction, target, laplace=self._laplace)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        largest = self._recipe.training.clip_norm or math.inf
        slope = nn.utils.clip_grad_norm_(self.network.parameters(), largest)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(slope))):
            return math.nan
        self.optimizer.step()
        self._average()
        return value

    @torch.no_grad()
    def freeze_norms(self, batches: Sequence[Batch]) -> None:
        """Go on from the averaged weights, batch norms fixed to the mean statistics of these batches."""
        self.network.load_state_dict(self.averaged.state_dict())
        norms = _norms(self.network)
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
            norm.train()
        for batch in batches:
            self.network(self._placed(batch)[0])
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self.averaged.load_state_dict(self.network.state_dict())
        self.frozen = True

    @torch.no_grad()
    def validate(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """Loss, and mean PSNR in dB over patches, of the averaged weights (data range 1)."""
        self.averaged.eval()
        losses, scores = [], []
        for batch in batches:
            given, target = self._placed(batch)
            prediction = self.averaged(given)
            loss, _ = combine(self._recipe.training.losses, prediction, target, laplace=self._laplace)
            losses.append(float(loss))
            error = (prediction[:, : target.shape[1]] - target).square().mean(dim=(1, 2, 3))
            scores.append(-10 * torch.log10(error.clamp_min(1e-12)))
        return sum(losses) / len(losses), float(torch.cat(scores).mean())

    def tensors(self) -> dict[str, Tensor]:
        """Everything that decides how training goes on, by name."""
        state: dict[str, Tensor] = {"rng.torch": self._rng}
        state |= {f"network.{k}": v for k, v in self.network.state_dict().items()}
        state |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in moments.items()}
        return state

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up the state that `tensors` gave.

        Raises
        ------
        RestorationError
            If the tensors belong to another network.
        """
        try:
            self.network.load_state_dict(_under("network.", tensors))
            self.averaged.load_state_dict(_under("averaged.", tensors))
            self._rng = tensors["rng.torch"]
        except (RuntimeError, KeyError) as error:
            raise RestorationError(
                "The checkpoint belongs to another network than its recipe names."
            ) from error
        plan = self.optimizer.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimizer.", tensors).items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({"state": moments, "param_groups": plan["param_groups"]})

    @property
    def _device_type(self) -> str:
        return torch.device(self._device).type

    def _placed(self, batch: Batch) -> Batch:
        given, target = (tensor.to(self._device) for tensor in batch)
        return given.contiguous(memory_format=self._format) if given.ndim == 4 else given, target

    @torch.no_grad()
    def _average(self) -> None:
        self.steps_averaged += 1
        # Early on the average would remember the random first weights for too long.
        ramp = (1 + self.steps_averaged) / (10 + self.steps_averaged)
        decay = min(self._recipe.training.ema_decay, ramp)
        current = self.network.state_dict()
        for name, value in self.averaged.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(current[name], 1 - decay)
            else:
                value.copy_(current[name])


def _norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Rate of a step: linear warm-up, then the recipe's schedule over ``progress`` from 0 to 1.

    "step" halves at 20, 40, 60 and 80 %; "cosine" ends at one hundredth.
    """
    settings = recipe.training
    warm = min(1.0, (step + 1) / max(settings.warmup_steps, 1))
    if settings.schedule == "constant":
        share = 1.0
    elif settings.schedule == "step":
        share = 0.5 ** min(4, int(progress * 5))
    else:
        share = _LOWEST_SHARE + (1 - _LOWEST_SHARE) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return settings.learning_rate * warm * share


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
