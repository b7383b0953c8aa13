"""Writing numpy's own format and PNG: bare pixels, for programs that take nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io.planes import Layout
from napari_restoration.core.provenance import KEY, to_json


class NpyStore:
    """An npy file being made; parameters as in `TiffStore`."""

    def __init__(
        self, temporary: Path, name: str, layout: Layout, dtype: np.dtype[Any], like: CalibratedImage
    ) -> None:
        self.notices = [
            f"{Path(name).name} holds bare numbers: a .npy file keeps neither calibration nor provenance."
        ]
        self._dtype = dtype.newbyteorder("<")
        self._plane_bytes = math.prod(layout.plane_shape) * dtype.itemsize
        self._file = open(temporary, "wb")  # noqa: SIM115 - closed by close()
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": layout.stored_shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()

    def put(self, index: int, plane: npt.NDArray[Any]) -> None:
        """Write a plane to its place."""
        self._file.seek(self._start + index * self._plane_bytes)
        self._file.write(np.ascontiguousarray(plane, self._dtype).data)

    def finish(self, provenance: Mapping[str, Any] | None) -> None:
        """Complete the file."""
        self._file.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class PngStore:
    """A PNG being made; parameters as in `TiffStore`."""

    def __init__(
        self, temporary: Path, name: str, layout: Layout, dtype: np.dtype[Any], like: CalibratedImage
    ) -> None:
        fits = dtype.name == "uint8" or (dtype.name == "uint16" and "S" not in layout.sizes)
        if layout.count != 1 or not fits:
            raise OutputError(
                f"{name}: a PNG holds one plane of 8 or 16 bits or one RGB picture of 8 bits, not {dtype} of axes "
                f"{layout.stored_axes} and shape {layout.stored_shape}; write .ome.tif or .tif."
            )
        self.notices: list[str] = []
        if like.pixel_size_um:
            self.notices.append(f"{Path(name).name}: a PNG does not keep the pixel size.")
        self._path = temporary
        self._plane: npt.NDArray[Any] | None = None

    def put(self, index: int, plane: npt.NDArray[Any]) -> None:
        """Keep the picture until its record is known."""
        self._plane = np.array(plane, order="C")

    def finish(self, provenance: Mapping[str, Any] | None) -> None:
        """Write picture and record."""
        from imageio import v3 as imageio
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        if provenance is not None:
            info.add_text(KEY, to_json(provenance))
        imageio.imwrite(self._path, np.asarray(self._plane), extension=".png", plugin="pillow", pnginfo=info)

    def close(self) -> None:
        """Let go of the picture."""
        self._plane = None
