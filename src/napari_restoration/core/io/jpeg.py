"""JPEG bytes of a plane in memory, and back: what a lossy file does to an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError

_LONGEST_SIDE = 65_500


def encode_jpeg(plane: NDArray[np.uint8], quality: int) -> bytes:
    """Return a plane as a baseline JPEG file.

    Parameters
    ----------
    plane
        Grey levels 0..255, uint8, shape ``(Y, X)``.
    quality
        1..100 on the scale of the Independent JPEG Group; it scales the usual quantisation table.

    Raises
    ------
    InputError
        If the plane is not 8-bit, empty or longer than the format allows, or the quality is none.
    """
    if plane.ndim != 2 or plane.dtype != np.uint8:
        raise InputError(
            f"A JPEG here holds one 8-bit plane (Y, X), not {plane.dtype} of shape {plane.shape}: convert it first."
        )
    if not plane.size or max(plane.shape) > _LONGEST_SIDE:
        raise InputError(
            f"A plane of {plane.shape[0]} x {plane.shape[1]} pixels does not fit in a JPEG, whose sides are between 1 "
            f"and {_LONGEST_SIDE} pixels long: crop it."
        )
    if not 1 <= quality <= 100:
        raise InputError(f"The JPEG quality is {quality}, but must be between 1 and 100.")
    import imagecodecs

    encoded: Any = imagecodecs.jpeg8_encode(np.ascontiguousarray(plane), level=int(quality))
    return bytes(encoded)


def decode_jpeg(encoded: bytes) -> NDArray[np.uint8]:
    """Return the plane of a JPEG that `encode_jpeg` made, uint8, shape ``(Y, X)``."""
    import imagecodecs

    decoded: Any = imagecodecs.jpeg8_decode(encoded)
    return np.asarray(decoded, dtype=np.uint8)
