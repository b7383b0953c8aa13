"""The networks: a table of names, and what can be asked of each by name and settings.

To add a network, write one module here and add one line to `ARCHITECTURES`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

    from napari_restoration.models.archs.settings import Geometry

__all__ = ["ARCHITECTURES", "build", "build_empty", "geometry", "receptive_field", "size_multiple"]

ARCHITECTURES: dict[str, str] = {
    "bdu": "napari_restoration.models.archs.bdu:BDU",
    "c2f": "napari_restoration.models.archs.c2f:C2F",
    "care": "napari_restoration.models.archs.care:CARE",
    "rrdb": "napari_restoration.models.archs.rrdb:RRDBNet",
}


def build(arch: str, **args: Any) -> nn.Module:
    """Build a network with fresh weights (drawn from torch's global generator).

    Parameters
    ----------
    arch
        A name in `ARCHITECTURES`.
    **args
        Its settings, see the ``Settings`` class of its module; the defaults are the paper's.

    Raises
    ------
    ModelError
        Unknown architecture or setting, or a value outside its limits.
    """
    network_class, settings = _resolve(arch, args)
    network = network_class(settings)
    network.initialise()
    built: nn.Module = network
    return built


def build_empty(arch: str, **args: Any) -> nn.Module:
    """Build a network whose tensors have shapes but no memory: weights are to be assigned to it.

    Nothing is drawn from a generator and nothing allocated, whatever sizes a stranger's card asks for.
    """
    import torch

    network_class, settings = _resolve(arch, args)
    with torch.device("meta"):
        network: nn.Module = network_class(settings)
    return network


def geometry(arch: str, **args: Any) -> Geometry:
    """What a caller must know of the network that ``build(arch, **args)`` gives, without building it."""
    _, settings = _resolve(arch, args)
    result: Geometry = settings.geometry
    return result


def size_multiple(arch: str, **args: Any) -> int:
    """Input sizes of this network must be multiples of this."""
    return geometry(arch, **args).size_multiple


def receptive_field(arch: str, **args: Any) -> int:
    """Half receptive field of this network in input pixels."""
    return geometry(arch, **args).receptive_field


def _resolve(arch: str, args: dict[str, Any]) -> tuple[Any, Any]:
    if arch not in ARCHITECTURES:
        raise ModelError(f"Architecture {arch!r} is unknown; known are {', '.join(ARCHITECTURES)}.")
    module, name = ARCHITECTURES[arch].split(":")
    network_class = getattr(import_module(module), name)
    known = network_class.Settings.__dataclass_fields__
    if unknown := sorted(set(args) - set(known)):
        raise ModelError(f"Architecture {arch!r} has no setting {unknown[0]!r}; it has {', '.join(known)}.")
    try:
        return network_class, network_class.Settings(**args)
    except ValueError as error:
        raise ModelError(f"Architecture {arch!r}: {error}.") from error
