"""What a file format does to an image: JPEG's blocks and ringing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.io.jpeg import decode_jpeg, encode_jpeg
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.base import Float, Step


@dataclass(frozen=True, kw_only=True)
class JpegCompression(Step):
    """Saving as an 8-bit JPEG and reading it back, plane by plane.

    Grey levels are rounded to 0..255, compressed, and mapped back. Whole grey levels in 0..255 are stored as they are;
    others are scaled so that `full_scale` becomes 255. What is negative or above full scale is cut off. Colours are
    compressed like other channels, each as a grey plane, without the coarser colours of a colour JPEG.

    The loss has no mean that could be told beforehand, so the expectation and the target are without it.

    Attributes
    ----------
    quality
        1..100 on the scale of the Independent JPEG Group.
    full_scale
        Grey level that becomes 255. ``None`` takes whole grey levels in 0..255 as they are and else measures the
        maximum of the image that is handed in; set it where patches are to be like the whole image.
    """

    kind: ClassVar[str] = "jpeg"
    title: ClassVar[str] = "JPEG compression"
    stage: ClassVar[int] = 6

    quality: int = quantity(
        90, "JPEG quality", form="whole", low=1, high=100,
        help="Quality of the file from 1 to 100: the lower, the more blocks of 8 x 8 pixels show; 75 to 95 is common.",
    )  # fmt: skip
    full_scale: float | None = quantity(
        None, "white", "grey levels", low=1e-12, high=1e12, none_means="measured from the image", advanced=True,
        help="Grey level that is stored as 255, the brightest that a JPEG holds.",
    )  # fmt: skip

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Compress the planes of ``(..., Y, X)``; float64 for float64 images, else float32, same shape and units.

        Raises
        ------
        InputError
            If a pixel is not finite, or a side is longer than a JPEG allows (65500 pixels).
        """
        image = np.asarray(image)
        unknown = image.size - int(np.isfinite(image).sum())
        if unknown:
            raise InputError(
                f"{unknown} of {image.size} pixels are not finite numbers, which a JPEG cannot hold: fill or crop them "
                "first."
            )
        result = np.empty(image.shape, dtype=np.float64 if image.dtype == np.float64 else np.float32)
        scale = self._scale(image)
        for index in np.ndindex(image.shape[:-2]):
            plane = image[index].astype(np.float64) * (255.0 / scale)
            stored = np.clip(np.rint(plane), 0, 255).astype(np.uint8)
            result[index] = decode_jpeg(encode_jpeg(stored, int(self.quality))) * (scale / 255.0)
        return result

    def _scale(self, image: Float) -> float:
        """Return the grey level that becomes 255."""
        if self.full_scale is not None:
            return self.full_scale
        lowest, highest = float(image.min(initial=0.0)), float(image.max(initial=0.0))
        if highest <= 0 or (lowest >= 0 and highest <= 255 and np.array_equal(image, np.rint(image))):
            return 255.0
        return highest
