"""Image files in and out, with axes, calibration and provenance. Codecs are imported when a file needs them."""

from napari_restoration.core.io.kinds import output_format
from napari_restoration.core.io.planes import PlaneWriter
from napari_restoration.core.io.read import read_image
from napari_restoration.core.io.write import estimate_bytes, open_writer, write_image

__all__ = ["PlaneWriter", "estimate_bytes", "open_writer", "output_format", "read_image", "write_image"]
