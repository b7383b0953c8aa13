"""Reading files without calibration: PNG, JPEG and numpy's own format."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.axes import guess_axes, looks_like_colour
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.provenance import KEY


def read_flat(path: Path, kind: str, axes: str | None) -> CalibratedImage:
    """Read a PNG, JPEG or npy file.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        ``"png"``, ``"jpeg"`` or ``"npy"``.
    axes : str, optional
        Names the axes in place of the guess.

    Returns
    -------
    CalibratedImage
        Without pixel sizes; an npy file is memory-mapped.

    Raises
    ------
    InputError
        If the file is damaged, or an npy file holds Python objects.
    """
    metadata: dict[str, Any] = {"notices": []}
    data = _read_npy(path) if kind == "npy" else _read_picture(path, metadata)
    if axes is None:
        rgb = looks_like_colour(data.shape) if kind == "npy" else data.ndim == 3
        axes = guess_axes(data.shape, rgb=rgb)
        if kind == "npy" and data.ndim > 2:
            metadata["notices"].append(
                f"{path.name} does not name its axes; {axes} was assumed for its shape {data.shape}."
            )
    return CalibratedImage(data, axes, name=path.name, metadata=metadata)


def _read_npy(path: Path) -> npt.NDArray[Any]:
    try:
        data: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError) as error:
        reason = (
            "holds Python objects"
            if "allow_pickle" in str(error) or "object" in str(error).lower()
            else (f"is cut off or damaged ({error})")
        )
        raise InputError(f"{path} {reason}: save the numbers again with numpy.save.") from error
    return data


def _read_picture(path: Path, metadata: dict[str, Any]) -> npt.NDArray[Any]:
    from imageio import v3 as imageio

    with warnings.catch_warnings():
        # The codec only warns of a picture too large to be honest.
        warnings.filterwarnings("error", message=".*decompression bomb.*")
        try:
            data: npt.NDArray[Any] = imageio.imread(path, plugin="pillow", index=0)
            text = imageio.immeta(path, plugin="pillow", index=0).get(KEY)
        # Besides OSError and SyntaxError the codecs raise errors of their own for damaged pictures.
        except Exception as error:
            raise InputError(
                f"{path} is cut off or damaged ({error}); copy it again from its source."
            ) from error
    if data.ndim == 3 and data.shape[2] == 2:
        data = data[..., 0]
        metadata["notices"].append(f"{path.name}: its transparency was left out.")
    if text:
        try:
            metadata["provenance"] = json.loads(text)
        except (ValueError, RecursionError):
            metadata["notices"].append(f"{path.name}: its provenance record is unreadable and was left out.")
    return data
