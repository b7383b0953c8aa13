"""Where a plane holds structure, and where it is empty background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.evidence.planes import Mask, as_plane, display_range
from napari_restoration.core.nonfinite import fill_missing

_SIGMA_PX = 1.0
_AROUND_PX = 11
# Shares of the contrast that an image is shown with: a step that is seen, and a level that is not the background's.
_STEP = 0.05
_LEVEL = 0.10
_BINS = 256


def structure_mask(restored: npt.ArrayLike, *, least_contrast: float = 0.0) -> Mask:
    """Mark the pixels with structure, bright or dark: what stands out at the contrast that the image is shown with.

    A pixel counts if its level differs from the background's by more than a tenth of the contrast (P99.8 - P2), or if
    levels within 5 pixels of it differ by more than a twentieth. The background's level is the commonest one.

    Parameters
    ----------
    restored : array-like
        ``(Y, X)``, the restoration: on a raw image noise counts as structure.
    least_contrast : float
        In the image's unit, such as the raw image's noise: with less contrast nothing is structure.

    Returns
    -------
    ndarray of bool
        ``(Y, X)``; False where pixels are missing. Images that are full to the border, such as sections in electron
        microscopy, are structure nearly everywhere.

    Raises
    ------
    InputError
        If the array is no plane.
    """
    plane = as_plane("restored image", restored)
    valid = np.isfinite(plane)
    contrast = display_range(plane)
    if not (contrast > 0 and contrast > least_contrast):
        return np.zeros(plane.shape, dtype=bool)
    smooth = ndimage.gaussian_filter(fill_missing(plane, 0.0)[0], _SIGMA_PX)
    low = float(smooth[valid].min())
    high = float(np.percentile(smooth[valid], 99.8))
    counts, edges = np.histogram(smooth[valid], bins=_BINS, range=(low, max(high, low + 1e-6 * contrast)))
    # Neighbouring bins together: rounded levels would otherwise leave gaps beside peaks.
    place = int(np.argmax(ndimage.uniform_filter1d(counts.astype(float), 5, mode="nearest")))
    background = float(edges[place] + edges[place + 1]) / 2
    steps = ndimage.maximum_filter(smooth, _AROUND_PX) - ndimage.minimum_filter(smooth, _AROUND_PX)
    found = (np.abs(smooth - background) > _LEVEL * contrast) | (steps > _STEP * contrast)
    return np.asarray(found & valid)
