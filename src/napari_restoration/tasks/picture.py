"""Pictures that show a restoration: the image before, restored and, where it is known, as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Array = npt.NDArray[Any]

_MARGIN = 24
_GAP = 14
_BACKGROUND = (18, 20, 24)
_TEXT = (236, 238, 242)
_FAINT = (158, 164, 174)
_FRAME = (255, 196, 61)
_SHOWN_PERCENTS = (0.5, 99.8)
_ROUND_LENGTHS_UM = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One image of a row.

    Parameters
    ----------
    plane : ndarray
        Intensities, (Y, X) or (Y, X, S) with three samples. Planes that are coarser than the largest of the
        row by a whole factor are shown with larger pixels.
    title, caption : str
        A word above the image and a line below it.
    """

    plane: Array
    title: str
    caption: str = ""


def draw_panels(
    panels: Sequence[Panel],
    *,
    heading: str = "",
    footer: str = "",
    pixel_size_um: float | None = None,
    panel_px: int = 440,
) -> Image.Image:
    """Draw images side by side, with the same detail of each enlarged below it.

    All panels share the black and white points of the last one, the reference, so that what looks brighter
    is brighter. The detail is the window of the reference with the most contrast.

    Parameters
    ----------
    panels : sequence of Panel
        Images of one field, the reference last.
    heading, footer : str
        Lines above and below everything.
    pixel_size_um : float, optional
        Pixel size of the last panel in micrometres; with it a scale bar is drawn.
    panel_px : int
        Width of a panel in the picture, in pixels.

    Returns
    -------
    PIL.Image.Image
        An RGB picture.
    """
    from PIL import Image, ImageDraw

    reference = panels[-1].plane
    low, high = _shown_range(reference)
    rows, columns = reference.shape[:2]
    panel_height = max(1, round(panel_px * rows / columns))
    side = max(1, min(rows, columns) // 4)
    top, left = _busiest_window(reference, side)
    heights = _Heights(bool(heading), any(panel.caption for panel in panels), panel_height, panel_px, footer)
    width = 2 * _MARGIN + len(panels) * panel_px + (len(panels) - 1) * _GAP
    picture = Image.new("RGB", (width, heights.total), _BACKGROUND)
    pen = ImageDraw.Draw(picture)
    pen.text((_MARGIN, _MARGIN), heading, fill=_TEXT, font=_font(22))
    for number, panel in enumerate(panels):
        x = _MARGIN + number * (panel_px + _GAP)
        gray = _enlarged(_to_bytes(panel.plane, low, high), (rows, columns))
        pen.text((x, heights.title), panel.title, fill=_TEXT, font=_font(18))
        picture.paste(_image(gray, (panel_px, panel_height)), (x, heights.overview))
        _mark(pen, (x, heights.overview), (top, left, side), panel_px / columns)
        detail = gray[top : top + side, left : left + side]
        picture.paste(_image(detail, (panel_px, panel_px)), (x, heights.detail))
        pen.text((x, heights.caption), panel.caption, fill=_FAINT, font=_font(15))
    if pixel_size_um is not None:
        last = width - _MARGIN
        _scale_bar(pen, (last, heights.overview + panel_height), panel_px / columns / pixel_size_um, panel_px)
        _scale_bar(pen, (last, heights.detail + panel_px), panel_px / side / pixel_size_um, panel_px)
    pen.text((_MARGIN, heights.footer), footer, fill=_FAINT, font=_font(14))
    return picture


class _Heights:
    """Where each row of the picture starts, from its top, in pixels."""

    def __init__(self, heading: bool, captions: bool, overview: int, detail: int, footer: str) -> None:
        self.title = _MARGIN + (44 if heading else 0)
        self.overview = self.title + 30
        self.detail = self.overview + overview + _GAP
        self.caption = self.detail + detail + 10
        self.footer = self.caption + (34 if captions else 4)
        self.total = self.footer + (20 if footer else 0) + _MARGIN


def _shown_range(reference: Array) -> tuple[float, float]:
    finite = reference[np.isfinite(reference)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, _SHOWN_PERCENTS)
    return float(low), float(high) if high > low else float(low) + 1.0


def _to_bytes(plane: Array, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Missing values become black."""
    shares = (np.nan_to_num(plane.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / (high - low)
    return np.asarray(np.round(255 * np.clip(shares, 0, 1)), dtype=np.uint8)


def _enlarged(plane: npt.NDArray[np.uint8], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Repeat pixels, so that a coarse image is seen to be coarse."""
    index = [np.arange(length) * size // length for length, size in zip(shape, plane.shape, strict=False)]
    enlarged: npt.NDArray[np.uint8] = plane[index[0]][:, index[1]]
    return enlarged


def _busiest_window(reference: Array, side: int) -> tuple[int, int]:
    """Corner of the window with the largest standard deviation, on a grid of half windows."""
    gray = np.nan_to_num(reference.astype(np.float64))
    gray = gray.mean(axis=2) if gray.ndim == 3 else gray
    step = max(1, side // 2)
    # Away from the border where there is room: that is where a viewer looks, and networks know least there.
    starts = [list(range(0, length - side + 1, step)) for length in gray.shape]
    tops, lefts = (inner[1:-1] if len(inner) > 4 else inner for inner in starts)
    corners = [(top, left) for top in tops for left in lefts]
    return max(corners, key=lambda c: float(gray[c[0] : c[0] + side, c[1] : c[1] + side].std()))


def _image(pixels: npt.NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    shrinks = size[0] < pixels.shape[1]
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.NEAREST
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB").resize(size, method)


def _mark(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], window: tuple[int, int, int], zoom: float
) -> None:
    top, left, side = (round(length * zoom) for length in window)
    x, y = corner[0] + left, corner[1] + top
    pen.rectangle((x, y, x + side, y + side), outline=_FRAME, width=2)


def _scale_bar(pen: ImageDraw.ImageDraw, corner: tuple[int, int], px_per_um: float, panel_px: int) -> None:
    """A bar of a round length, at most a third of the panel, at its lower right corner."""
    fitting = [length for length in _ROUND_LENGTHS_UM if length * px_per_um <= panel_px / 3]
    if not fitting:
        return
    length = fitting[-1]
    x, y = corner[0] - 12, corner[1] - 12
    start = x - round(length * px_per_um)
    pen.rectangle((start - 1, y - 5, x + 1, y + 1), fill=(0, 0, 0))
    pen.rectangle((start, y - 4, x, y), fill=(255, 255, 255))
    label = f"{length:g} um"  # the built-in font has no Greek letters
    middle = (start + x) / 2
    pen.text(
        (middle, y - 10), label, fill=(255, 255, 255), font=_font(15), anchor="ms", stroke_width=2,
        stroke_fill=(0, 0, 0),
    )  # fmt: skip


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
