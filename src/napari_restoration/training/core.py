"""The training core: networks, optimizers, the moving average, precision and random numbers, for any method."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from napari_restoration.core.errors import RestorationError
from napari_restoration.training.device import average, mean_of, open_fabric
from napari_restoration.training.divergence import LossWatch
from napari_restoration.training.methods import Files, Part, Player, build_method
from napari_restoration.training.patches import Batch
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.state import (
    Outcome,
    buffers_kept,
    check_finite,
    follow,
    is_out_of_memory,
    load_optimizer,
    make_optimizer,
    norms_of,
    optimizer_tensors,
    own_randomness,
    random_states,
    under,
)


class Core:
    """Everything that learns, and one step of it.

    Parameters
    ----------
    recipe : Recipe
    device : str
        Where to compute, as torch names it.
    files : Files, optional
        Local files of other people's weights.
    devices : int
        Devices of this kind, with a process and a batch of its own for each; their slopes are averaged.

    Attributes
    ----------
    method, networks, averaged, optimizers, arch
        The recipe's method, its networks by name, the averaged copy of the one that restores, and one optimizer
        for each player.
    epoch, phase, parts, first
        Epochs done, phase of the method, in how many parts a batch is computed; weights that training started from.
    """

    def __init__(
        self, recipe: Recipe, device: str = "cpu", *, files: Files | None = None, devices: int = 1
    ) -> None:
        self._recipe, self.arch = recipe, recipe.arch
        self._fabric = open_fabric(device, recipe.training.precision, devices)
        self.device = self._fabric.device
        self.processes, self.rank = self._fabric.world_size, self._fabric.global_rank
        self.method = build_method(recipe, files)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(recipe.seed)
            self._rng = random_states(self.device, self.rank)
            self.networks = self.method.networks()
        shape = self.method.geometry
        # Channels-last is faster for planes; bursts keep their frame axis in front of the channels.
        flat = not shape.burst and shape.ndim == 2
        self._format = torch.channels_last if flat else torch.contiguous_format
        for network in self.networks.values():
            network.to(self.device)
        self.restoring.to(memory_format=self._format)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.restoring).requires_grad_(False)
        self.method.to(self.device)
        self.watch = LossWatch()
        self.epoch, self.phase, self.parts = 0, 0, 1
        self.steps_averaged, self.frozen = 0, recipe.training.norms == "fixed"
        self.first: Mapping[str, Tensor] | None = None
        self.optimizers = self._fresh_optimizers()

    @property
    def restoring(self) -> nn.Module:
        """The network that the run is about."""
        return self.networks[self.method.restores]

    def enter_phase(self, progress: float) -> bool:
        """Go over to the method's next phase where it is due: optimizers start anew, the average is kept."""
        wanted = self.method.phase(progress)
        if wanted == self.phase:
            return False
        self.phase = wanted
        self.optimizers = self._fresh_optimizers()
        self.watch.forget()
        return True

    def step(self, batch: Batch, share: float) -> Outcome:
        """Each player's steps with this batch, at this share of their learning rates.

        A player whose loss or slope is not sound changes nothing, no running statistics either; the others stop.
        """
        given, target = self.place(batch)
        self.method.begin()
        total, losses, notices = math.nan, dict[str, float](), list[str]()
        for player in self.method.players(self.phase):
            for _ in range(player.repeats):
                value, found, fault = self._turn_within_memory(player, (given, target), share, notices)
                if fault:
                    return Outcome(total=math.nan, losses={}, fault=fault, notices=tuple(notices))
                losses |= found
                total = value if self.method.restores in player.networks else total
        return Outcome(total=total, losses=losses, notices=tuple(notices))

    def forward(self, name: str, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Run a network by name in the run's precision, with the run's own random numbers."""
        with own_randomness(self._rng, self.device), self._fabric.autocast():
            output: Tensor | tuple[Tensor, ...] = self.networks[name](*inputs)
        return output

    def agree(self, value: float) -> float:
        """Mean of a number over the processes, so that all decide alike."""
        return mean_of(self._fabric, value)

    def network(self, name: str) -> nn.Module:
        """A network by name."""
        return self.networks[name]

    def place(self, batch: Batch) -> Batch:
        """Input and target on the device, the input in the networks' memory format."""
        given, target = (tensor.to(self.device) for tensor in batch)
        return given.contiguous(memory_format=self._format) if given.ndim == 4 else given, target

    @torch.no_grad()
    def freeze_norms(self, batches: Sequence[Batch]) -> None:
        """Go on from averaged weights, norms fixed to the mean statistics of these batches, without dropout."""
        network = self.restoring
        network.load_state_dict(self.averaged.state_dict())
        network.eval()
        norms = norms_of(network)
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
            norm.train()
        for batch in batches:
            network(self.place(batch)[0])
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self.averaged.load_state_dict(network.state_dict())
        self.frozen = True

    def return_to(self, best: Mapping[str, Tensor] | None) -> None:
        """After a divergence: restoring weights from ``best``, other networks as they are, fresh optimizers.

        Other networks whose weights are not finite, and everything where there is no best, start from the seed.
        """
        best = self.first if best is None else best
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self._recipe.seed)
            fresh = self.method.networks()
        for name, network in self.networks.items():
            if name == self.method.restores or best is None or check_finite(network.state_dict()):
                network.load_state_dict(fresh[name].state_dict())
        if best is not None:
            self.restoring.load_state_dict(dict(best))
        self.averaged.load_state_dict(self.restoring.state_dict())
        self.optimizers = self._fresh_optimizers()
        self.watch.forget()

    def tensors(self) -> dict[str, Tensor]:
        """Everything that decides how training goes on, by name."""
        found = {f"rng.{kind}": state for kind, state in self._rng.items()}
        for name, network in self.networks.items():
            found |= {f"network.{name}.{k}": v for k, v in network.state_dict().items()}
        found |= {f"averaged.{self.method.restores}.{k}": v for k, v in self.averaged.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            found |= {f"optimizer.{name}.{k}": v for k, v in optimizer_tensors(optimizer).items()}
        return found | {f"method.{k}": v for k, v in self.method.tensors().items()}

    def state(self) -> dict[str, Any]:
        """The rest of it, as plain values."""
        return {
            "phase": self.phase, "parts": self.parts, "steps_averaged": self.steps_averaged,
            "frozen": self.frozen, "watch": self.watch.state(),
        }  # fmt: skip

    def load(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Take up the state that `tensors` and `state` gave.

        Raises
        ------
        RestorationError
            If it belongs to another network or method.
        """
        try:
            for name, network in self.networks.items():
                network.load_state_dict(under(f"network.{name}.", tensors))
            self.averaged.load_state_dict(under(f"averaged.{self.method.restores}.", tensors))
            self._rng = {kind: tensors[f"rng.{kind}"] for kind in self._rng}
            self.phase, self.parts = state["phase"], state["parts"]
            self.steps_averaged, self.frozen = state["steps_averaged"], state["frozen"]
            self.watch.load(state["watch"])
            self.optimizers = self._fresh_optimizers()
            for name, optimizer in self.optimizers.items():
                load_optimizer(optimizer, under(f"optimizer.{name}.", tensors))
            own = under("method.", tensors)
            # Generators' states are bytes and stay where they are.
            on_device = {k: v.to(self.device) if v.is_floating_point() else v for k, v in own.items()}
            self.method.load_tensors(on_device)
        except (RuntimeError, KeyError) as error:
            raise RestorationError(
                "The checkpoint belongs to another network or method than its recipe names."
            ) from error

    def _turn_within_memory(
        self, player: Player, batch: Batch, share: float, notices: list[str]
    ) -> tuple[float, dict[str, float], str]:
        count, smallest = len(batch[0]), self.method.smallest_batch
        while True:
            try:
                return self._turn(player, batch, share)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if count // (2 * self.parts) < smallest:
                    raise RestorationError(
                        f"The {self.device.type} has too little memory for {-(-count // self.parts)} patch(es) of "
                        f"{self._recipe.training.patch} pixels; lower training.patch or use a smaller network."
                    ) from error
            self.parts *= 2
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            notices.append(
                f"Out of memory: a batch of {count} is now computed in {self.parts} parts whose slopes are added up."
            )

    def _turn(self, player: Player, batch: Batch, share: float) -> tuple[float, dict[str, float], str]:
        optimizer = self.optimizers[player.name]
        for group in optimizer.param_groups:
            group["lr"] = player.learning_rate * share
        self._let_play(player)
        with buffers_kept(self.networks) as restore:
            optimizer.zero_grad(set_to_none=True)
            value, losses = self._accumulate(player, batch)
            largest = self._recipe.training.clip_norm or math.inf
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            average(self._fabric, (p.grad for p in parameters if p.grad is not None))
            value = self.agree(value)
            slope = float(nn.utils.clip_grad_norm_(parameters, largest))
            fault = "" if math.isfinite(slope) else "its slope is not finite"
            if self.method.restores in player.networks:
                fault = self.watch.fault(value) or fault
            elif not math.isfinite(value):
                fault = f"the loss of the {player.name} is not finite"
            if fault:
                restore()
                optimizer.zero_grad(set_to_none=True)
                return math.nan, {}, fault
            optimizer.step()
            average(self._fabric, (b for name in player.networks for b in self.networks[name].buffers()))
        if self.method.restores in player.networks:
            self.watch.accept(value)
            self._average()
        return value, losses, ""

    def _accumulate(self, player: Player, batch: Batch) -> tuple[float, dict[str, float]]:
        count = len(batch[0])
        value, losses = 0.0, dict[str, float]()
        for number in range(self.parts):
            start, stop = (count * n // self.parts for n in (number, number + 1))
            part = Part(given=batch[0][start:stop], target=batch[1][start:stop], start=start, stop=stop)
            scalar, found = self.method.objective(player.name, part, self, self.phase)
            weight = (stop - start) / count
            self._fabric.backward(scalar if weight == 1 else scalar * weight)
            value += weight * float(scalar.detach())
            losses = {name: losses.get(name, 0.0) + weight * loss for name, loss in found.items()}
        return value, losses

    def _let_play(self, player: Player) -> None:
        """Only this player's weights take slopes; all networks are in training mode but what is frozen."""
        for name, network in self.networks.items():
            network.train()
            network.requires_grad_(name in player.networks)
        if self.frozen:
            for norm in norms_of(self.restoring):
                norm.eval()
        for module in self.method.frozen_modules(self.restoring, self.epoch):
            module.eval().requires_grad_(False)

    def _fresh_optimizers(self) -> dict[str, torch.optim.AdamW]:
        players, settings = self.method.players(self.phase), self._recipe.training
        return {player.name: make_optimizer(self.networks, player, settings) for player in players}

    def _average(self) -> None:
        self.steps_averaged += 1
        # Early on the average would remember the random first weights for too long.
        ramp = (1 + self.steps_averaged) / (10 + self.steps_averaged)
        follow(self.averaged, self.restoring, min(self._recipe.training.ema_decay, ramp))
