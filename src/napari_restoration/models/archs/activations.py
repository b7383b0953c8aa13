"""How much memory a network's activations take."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

# What allocators and oneDNN's and cuDNN's own buffers add to the tensors, measured as growth of the process.
_OVERHEAD = 1.6


class _LiveBytes(TorchFunctionMode):
    """Follows the tensors that exist at the same time while a network runs."""

    def __init__(self) -> None:
        super().__init__()
        self._live: dict[int, int] = {}
        self._now = 0
        self.peak: int = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self._follow(leaf.untyped_storage())
        return out

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._live:
            return
        self._live[key] = storage.nbytes()
        self._now += storage.nbytes()
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self._now -= self._live.pop(key, 0)


def activation_bytes(network: nn.Module, window: Tensor) -> int:
    """Upper estimate of the memory that a network takes to restore a window, weights not counted.

    Parameters
    ----------
    network
        In evaluation mode, on the window's device.
    window
        A batch as the network takes it. The result grows in proportion to its pixels: measure on a small one.

    Returns
    -------
    int
        Bytes, the window and its result included.
    """
    counter = _LiveBytes()
    with torch.no_grad(), counter:
        output = network(window)
    # Outside the network: the caller's padded window, and the result on its way back to numpy.
    outside = 4 * (window.numel() + 2 * output.numel())
    return int(_OVERHEAD * (counter.peak + outside))
