"""Evidence for and against a restoration: maps that tell where it is supported by the data, and where it is not.

Pure functions of planes. Nothing here knows networks, microscopes or layers: the forward model comes as a callable or
as a PSF, members of an ensemble as arrays. Every map is shown on its own; `combine` takes their least.
"""

from napari_restoration.core.evidence.consistency import Consistency, data_consistency
from napari_restoration.core.evidence.disagreement import Disagreement, assumed_scale, disagreement
from napari_restoration.core.evidence.error_map import ErrorMap, error_map
from napari_restoration.core.evidence.laplace import (
    Coverage,
    calibration_factor,
    certainty,
    coverage_curve,
    half_width,
    interval,
    standard_deviation,
)
from napari_restoration.core.evidence.null_space import NullSpace, noise_to_signal, null_space_share
from napari_restoration.core.evidence.structure import structure_mask
from napari_restoration.core.evidence.trust import (
    NO_CAUSE,
    PARTS,
    THRESHOLD,
    Summary,
    Trust,
    combine,
    summarise,
)

__all__ = [
    "NO_CAUSE",
    "PARTS",
    "THRESHOLD",
    "Consistency",
    "Coverage",
    "Disagreement",
    "ErrorMap",
    "NullSpace",
    "Summary",
    "Trust",
    "assumed_scale",
    "calibration_factor",
    "certainty",
    "combine",
    "coverage_curve",
    "data_consistency",
    "disagreement",
    "error_map",
    "half_width",
    "interval",
    "noise_to_signal",
    "null_space_share",
    "standard_deviation",
    "structure_mask",
    "summarise",
]
