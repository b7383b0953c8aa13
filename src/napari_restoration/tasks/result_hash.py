"""The hash of a result's pixels, so that a replay can say whether it made them again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


class ResultHash:
    """SHA-256 of an image that is finished block by block, in whatever order.

    It is that of the blocks' own hashes, sorted by position; a block is hashed as ``(C, [Z,] Y, X)`` in
    little-endian byte order, so neither the order of the run nor the file's axes enter.
    """

    def __init__(self) -> None:
        self._blocks: dict[tuple[tuple[str, int], ...], bytes] = {}

    def add(self, index: Mapping[str, int], values: npt.NDArray[Any]) -> None:
        """Take a finished block at its position along the other axes."""
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        self._blocks[tuple(sorted(index.items()))] = hashlib.sha256(little.data).digest()

    def hexdigest(self) -> str:
        """The hash of all blocks so far."""
        whole = hashlib.sha256()
        for key in sorted(self._blocks):
            whole.update(self._blocks[key])
        return whole.hexdigest()
