"""Weights of other people's networks from a local file that the user names. Nothing is ever downloaded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from napari_restoration.core.errors import ModelError


def read_local_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict: names and tensors.

    Parameters
    ----------
    path
        A ``.safetensors`` file, or one that ``torch.save`` wrote. The latter is a pickle; it is read in the mode
        that admits tensors alone and runs no code.

    Raises
    ------
    ModelError
        The file is missing, unreadable, or holds anything but tensors by name.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path} does not exist; name the file that holds the network's weights.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: object = load_file(path)
        else:
            with warnings.catch_warnings():
                # torch warns of pickle protocols that it then reads or refuses all the same.
                warnings.simplefilter("ignore", UserWarning)
                state = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes either reader fail in any way
        reason = str(error).strip().split("\n")[0][:120] or type(error).__name__
        raise ModelError(
            f"{path} cannot be read as weights ({reason}); use a .safetensors file or a .pth state dict."
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise ModelError(
            f"{path} holds no state dict (tensors by name); save the network's state_dict() alone."
        )
    return dict(state)


def take(
    state: Mapping[str, Tensor],
    own: Mapping[str, str],
    wanted: Mapping[str, Tensor],
    path: str | Path,
    network: str,
) -> dict[str, Tensor]:
    """The tensors that a network wants, under its own names, checked.

    Parameters
    ----------
    state
        The file's tensors; what is not asked for is left.
    own
        The network's own name for each name in the file.
    wanted
        The network's tensors by its own names; their shapes must be met.
    path, network
        The file, and whose weights it should hold, for an error.

    Raises
    ------
    ModelError
        A tensor is missing, of another shape, or not finite; the first is named.
    """
    found: dict[str, Tensor] = {}
    for name, mine in own.items():
        shape = tuple(wanted[mine].shape)
        if name not in state:
            # Counts of batches decide nothing; old files lack them.
            if name.endswith("num_batches_tracked"):
                found[mine] = wanted[mine]
                continue
            raise ModelError(f"{path} holds no weights of {network}: {name} is missing.")
        value = state[name]
        if tuple(value.shape) != shape:
            raise ModelError(
                f"{path} holds no weights of {network}: {name} is {tuple(value.shape)}, wanted is {shape}."
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ModelError(f"{path} holds NaN or infinity in {name}; get the weights of {network} again.")
        found[mine] = value.to(wanted[mine].dtype)
    return found
