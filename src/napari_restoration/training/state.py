"""What a training step must be able to save, restore and recognise: random generators, optimizers, memory faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from napari_restoration.training.methods import Player
from napari_restoration.training.training_settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one step did.

    Attributes
    ----------
    total : float
        What the restoring network minimised; NaN where the step was left out.
    losses : mapping of str to float
        Unweighted losses by name, of those who played.
    fault : str
        Why the step was left out; empty where it was taken.
    notices : tuple of str
        What the user must hear.
    """

    total: float
    losses: Mapping[str, float]
    fault: str = ""
    notices: tuple[str, ...] = ()


def random_states(device: torch.device, rank: int = 0) -> dict[str, Tensor]:
    """States of torch's generator as it stands now and, on a GPU, of that of the device; others for each rank."""
    found = {"torch": torch.get_rng_state()}
    if rank:
        found["torch"] = torch.Generator().manual_seed(torch.initial_seed() + rank).get_state()
    if device.type == "cuda":
        found["cuda"] = torch.Generator(device).manual_seed(torch.initial_seed() + rank).get_state()
    return found


@contextmanager
def own_randomness(states: dict[str, Tensor], device: torch.device) -> Iterator[None]:
    """Draw from these states, and put their new values in their place; the global generators are untouched."""
    devices = [device] if "cuda" in states else []
    with torch.random.fork_rng(devices=devices):
        torch.set_rng_state(states["torch"])
        if devices:
            torch.cuda.set_rng_state(states["cuda"], device)
        yield
        states["torch"] = torch.get_rng_state()
        if devices:
            states["cuda"] = torch.cuda.get_rng_state(device)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments of an optimizer, as ``{parameter number}.{name}``."""
    found: dict[str, Tensor] = {}
    for index, moments in optimizer.state_dict()["state"].items():
        found |= {f"{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return found


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Take up what `optimizer_tensors` gave; rates and decays stay those of the recipe."""
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def make_optimizer(
    networks: Mapping[str, nn.Module], player: Player, settings: TrainingSettings
) -> torch.optim.AdamW:
    """A player's optimizer, without moments yet; learnt weights of losses do not decay."""
    groups = [
        {
            "params": list(networks[name].parameters()),
            "weight_decay": 0.0 if name == "weights" else settings.weight_decay,
        }
        for name in player.networks
    ]
    betas = (settings.betas[0], settings.betas[1])
    return torch.optim.AdamW(groups, lr=player.learning_rate, betas=betas, amsgrad=settings.amsgrad)


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an average a step towards a network; counters are copied."""
    current = network.state_dict()
    for name, value in averaged.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


@contextmanager
def buffers_kept(networks: Mapping[str, nn.Module]) -> Iterator[Callable[[], None]]:
    """Gives a function that takes all running statistics back to what they are now; also after torch failed."""
    kept = [(buffer, buffer.clone()) for network in networks.values() for buffer in network.buffers()]

    def restore() -> None:
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)

    try:
        yield restore
    except RuntimeError:
        restore()
        raise


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    """The batch norms of a network, of planes and volumes."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def check_finite(tensors: Mapping[str, Tensor]) -> str:
    """Name of the first tensor that holds NaN or infinity; empty if none does."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return ""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch had too little memory, on a GPU or the CPU."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "not enough memory" in text or "can't allocate memory" in text


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
