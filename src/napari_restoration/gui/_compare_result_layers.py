"""Difference and ratio of two layers as layers of their own, computed plane by plane when they are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._compare_lattice import look_at
from napari_restoration.gui._geometry import place_result
from napari_restoration.gui._layers import METADATA_KEY

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from napari.utils.colormaps import Colormap

    from napari_restoration.tasks.comparison import Compared, GreyMatch, Kind
    from napari_restoration.tasks.comparison_profile import Look

# Where nothing has changed the canvas is dark; both colours are told apart by people who mix up red and green.
_LESS, _SAME, _MORE = (0.25, 0.6, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0), (1.0, 0.62, 0.1, 1.0)


@dataclass(frozen=True, eq=False)
class Measured:
    """A difference or ratio, with the contrast that suits the plane in view."""

    compared: Compared
    kind: Kind
    spread: float

    @property
    def middle(self) -> float:
        """The value where the layers agree."""
        return 0.0 if self.kind == "difference" else 1.0


def run_comparison(looks: tuple[Look, Look], kind: Kind, match: GreyMatch | None) -> Task[Measured]:
    """Make a lazy difference or ratio of two planes in view and their stacks; computes the plane in view.

    Parameters
    ----------
    looks : tuple of Look
        Of the earlier and the later layer.
    kind : "difference" or "ratio"
        Which.
    match : GreyMatch or None
        How the later layer's grey levels are brought to the earlier one's first.
    """
    from napari_restoration.tasks.comparison import compare_planes, spread_of, thinned_plane

    yield Progress(done=0, total=0, message="Computing the plane in view")
    lattices = looks[0].lattice, looks[1].lattice
    compared = compare_planes(looks[0].image, looks[1].image, kind, lattices=lattices, match=match)
    at = {**looks[0].at, **looks[1].at}
    values = thinned_plane(compared.image, at)
    return Measured(compared, kind, spread_of(values, 0.0 if kind == "difference" else 1.0))


def run_match(looks: tuple[Look, Look]) -> Task[GreyMatch]:
    """Find how grey levels of the later layer are brought to those of the earlier one, in the planes in view."""
    from napari_restoration.tasks.comparison import match_grey_levels, thinned_plane

    yield Progress(done=0, total=0, message="Matching grey levels")
    return match_grey_levels(*(thinned_plane(look.image, look.at) for look in looks))


def add_comparison(viewer: ViewerModel, pair: tuple[Image, Image], made: Measured, *, matched: bool) -> Image:
    """Add a difference or ratio over the layer on whose pixels it lies.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is added.
    pair : tuple of napari.layers.Image
        The earlier and the later layer.
    made : Measured
        What was computed.
    matched : bool
        Whether grey levels were matched first, which the name then says.
    """
    image, source = made.compared.image, pair[int(made.compared.is_on_after)]
    placement = place_result(source, look_at(viewer, source).image.axes, image.axes, scale=1, spatial="YX")
    low, high = made.middle - made.spread, made.middle + made.spread
    record = {
        "task": "compare",
        "kind": made.kind,
        "layers": [layer.name for layer in pair],
        "matched": matched,
    }
    data: Any = image.data.transpose(placement.order)
    for axis in placement.new_axes:
        data = data[(slice(None),) * axis + (None,)]
    layer: Image = viewer.add_image(
        data,
        name=f"{image.name} (matched)" if matched else image.name,
        metadata={METADATA_KEY: record},
        multiscale=False,
        colormap=diverging(),
        contrast_limits=[low, high],
        blending="translucent_no_depth",
        **placement.geometry,
    )
    return layer


def diverging() -> Colormap:
    """Blue where the later layer is darker, orange where it is brighter, black where nothing has changed."""
    from napari.utils.colormaps import Colormap

    return Colormap([_LESS, _SAME, _MORE], name="darker – brighter", nan_color=(0.0, 0.0, 0.0, 0.0))
