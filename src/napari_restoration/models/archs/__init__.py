"""The networks: a table of names, and what can be asked of each by name and settings.

To add a network, write one module here and add one line to `ARCHITECTURES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

    from napari_restoration.models.archs.settings import Geometry

__all__ = ["ARCHITECTURES", "build", "build_empty", "geometry", "receptive_field", "resolve", "size_multiple"]

ARCHITECTURES: dict[str, str] = {
    "bu": "napari_restoration.models.archs.bu:BU",
    "bdu": "napari_restoration.models.archs.bdu:BDU",
    "c2f": "napari_restoration.models.archs.c2f:C2F",
    "care": "napari_restoration.models.archs.care:CARE",
    "rrdb": "napari_restoration.models.archs.rrdb:RRDBNet",
    "resnet": "napari_restoration.models.archs.resnet:ResNetGenerator",
    "unet256": "napari_restoration.models.archs.unet256:UNet256",
    "deblurgan-v2": "napari_restoration.models.archs.deblurgan_v2:DeblurGANv2",
    "deepdeblur": "napari_restoration.models.archs.deepdeblur:DeepDeblur",
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
    return resolve(ARCHITECTURES, "Architecture", arch, args)


def resolve(table: Mapping[str, str], what: str, name: str, args: Mapping[str, Any]) -> tuple[Any, Any]:
    """The class and the checked settings of an entry of a table of networks.

    Parameters
    ----------
    table
        Names, and "module:class" of each; the class has a ``Settings``.
    what
        What the entries are, for an error.
    name, args
        The entry and its settings.

    Raises
    ------
    ModelError
        Unknown name or setting, or a value outside its limits.
    """
    if name not in table:
        raise ModelError(f"{what} {name!r} is unknown; known are {', '.join(table)}.")
    module, class_name = table[name].split(":")
    network_class = getattr(import_module(module), class_name)
    known = network_class.Settings.__dataclass_fields__
    if unknown := sorted(set(args) - set(known)):
        raise ModelError(f"{what} {name!r} has no setting {unknown[0]!r}; it has {', '.join(known)}.")
    try:
        return network_class, network_class.Settings(**args)
    except ValueError as error:
        raise ModelError(f"{what} {name!r}: {error}.") from error
