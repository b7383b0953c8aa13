"""What a recipe says about its images: measured sources, real pairs, drawn specimens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_restoration.training.limits import choice, need

Black = Literal["percentile", "zero"]


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Sharp images that are degraded on the fly.

    Parameters
    ----------
    match : str
        Pattern of file paths in the data folder, as ``em/stem/*``.
    weight : float
        Share of the training fields drawn from this group, relative to the other groups.
    bins : tuple of int
        Mean-binning factors, one drawn for each field; binning takes noise out of oversampled sources.
    black : {"percentile", "zero"}
        What becomes 0: the 0.5th percentile, or the value 0 (transmitted light).
    """

    match: str
    weight: float = 1.0
    bins: tuple[int, ...] = (1,)
    black: Black = "percentile"

    def __post_init__(self) -> None:
        need(self.weight > 0, "sources.weight", self.weight, "above 0")
        need(bool(self.bins) and all(1 <= b <= 8 for b in self.bins), "sources.bins", self.bins, "of 1 to 8")
        choice(self.black, Black, "sources.black")


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Real pairs of the data folder, told by the index file's `pair` column.

    Parameters
    ----------
    match : str
        Pattern of the input files, as ``pairs/biosr_wf2sim/input/*``.
    weight : float
        Share of the training fields, as for sources.
    register : bool
        Shift the target onto the input by sub-pixel phase correlation.
    fit : bool
        Map the target to the input's intensity scale by one gain and offset (through a fitted blur).
    bin_input : int
        Mean-bin the input; with 2 a pair on one grid becomes a pair for x2 super-resolution.
    photons : tuple of two float, or None
        Range of expected electrons at the input's 99.9th percentile for added shot noise; None adds none.
    """

    match: str
    weight: float = 1.0
    register: bool = False
    fit: bool = False
    bin_input: int = 1
    photons: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        need(self.weight > 0, "pairs.weight", self.weight, "above 0")
        need(self.bin_input in (1, 2), "pairs.bin_input", self.bin_input, "1 or 2")


@dataclass(frozen=True, kw_only=True)
class PhantomSettings:
    """Drawn specimens, degraded as sources are.

    Parameters
    ----------
    kind : str
        A drawing of `napari_restoration.training.phantoms`, as ``em_section``.
    count, side, pixel_size_um
        Number of drawings, pixels on a side, and size of a pixel.
    weight : float
        Share of the training fields, as for sources.
    """

    kind: str
    count: int = 4
    side: int = 384
    pixel_size_um: float = 0.1
    weight: float = 1.0

    def __post_init__(self) -> None:
        need(self.weight > 0, "phantoms.weight", self.weight, "above 0")
        need(1 <= self.count <= 1000, "phantoms.count", self.count, "from 1 to 1000")
        need(32 <= self.side <= 4096, "phantoms.side", self.side, "from 32 to 4096")
        need(self.pixel_size_um > 0, "phantoms.pixel_size_um", self.pixel_size_um, "above 0")
