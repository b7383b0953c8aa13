"""Clean objects to degrade: phantoms, and real images smoothed until their own noise is gone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from napari_restoration.degradations.phantom import em_section, filaments, mitochondria, nuclei
from napari_restoration.degradations.phantom.drawing import Field

Plane = npt.NDArray[np.float64]

SIDE = 512
# Real images are smoothed by this many of their own pixels and binned 2 x 2, which leaves half of it.
_SMOOTHED_PX = 1.6
_FILES = (
    "fluorescence/cytoplasm/osteosarcoma_c0.tif",
    "fluorescence/actin/BPAE_actin.tif",
    "fluorescence/actin/kc167_POS218_R.tif",
    "fluorescence/nuclei/bbbc006_a08.tif",
    "fluorescence/nuclei/sbs_Channel2-91-H-07.tif",
    "fluorescence/tissue/maize_clsm.tif",
    "fluorescence/mitochondria/BPAE_mito.tif",
    "brightfield/yeast_cells.tif",
    "brightfield/worms_well_C01.tif",
    "em/stem/Pd_silica3_y0_x0.tif",
    "em/stem/PtW5_y1024_x0.tif",
)


@dataclass(frozen=True, eq=False)
class CleanObject:
    """A plane without noise, background 0, 99.9th percentile 1, with the blur (px) that it already has."""

    name: str
    plane: Plane
    blur_px: float

    def blurred(self, total_px: float) -> Plane:
        """The plane with a Gaussian blur of `total_px` in all, which must not be less than it has."""
        return gaussian_filter(self.plane, np.sqrt(total_px**2 - self.blur_px**2))


def clean_objects(data: Path) -> list[CleanObject]:
    """Five phantoms without blur and eleven real images with 0.8 px."""
    from napari_restoration.training.sources import mean_bin, read_plane

    found = []
    field, rng = Field((SIDE, SIDE), 0.1), np.random.default_rng(1)
    for name, draw in (
        ("phantom: microtubules", filaments.draw_microtubules),
        ("phantom: actin", filaments.draw_actin),
        ("phantom: mitochondria", mitochondria.draw_mitochondria),
        ("phantom: nuclei", nuclei.draw_nuclei),
    ):
        found.append(CleanObject(name, _scaled(draw(field, rng)), 0.0))
    section = em_section.draw_em_section(Field((SIDE, SIDE), 0.005), rng)
    found.append(CleanObject("phantom: EM section", _scaled(section), 0.0))
    for file in _FILES:
        plane = gaussian_filter(read_plane(data / file).astype(np.float64), _SMOOTHED_PX)
        found.append(CleanObject(file, _scaled(mean_bin(plane, 2)[:SIDE, :SIDE]), _SMOOTHED_PX / 2))
    return found


def _scaled(plane: npt.NDArray[np.floating]) -> Plane:
    values = np.asarray(plane, dtype=np.float64)
    low = float(np.percentile(values, 0.1))
    return np.maximum(values - low, 0) / (float(np.percentile(values, 99.9)) - low)
