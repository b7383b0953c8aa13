"""Which planes of an image make which planes of the result.

Works from the model's card alone, so that the widget can say what will happen before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from napari_restoration.core.axes import describe_axes
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.models.card import ModelCard
from napari_restoration.models.classical.catalogue import method_with
from napari_restoration.tasks.applicable import check_applicable
from napari_restoration.tasks.settings import MOST_FRAMES, RestoreSettings

ALPHA = 3


@dataclass(frozen=True)
class Block:
    """One plane (or volume) of the result.

    Parameters
    ----------
    index : mapping of str to int
        Position along the output's other axes.
    sources : tuple of mapping
        Positions in the input of the frames it is made from, in order of time; one entry for a single image.
    is_alpha : bool
        Whether it is the opacity of an RGBA image, which is copied.
    """

    index: Mapping[str, int]
    sources: tuple[Mapping[str, int], ...]
    is_alpha: bool = False


@dataclass(frozen=True)
class Layout:
    """How an image is taken apart and how the result is put together.

    Parameters
    ----------
    spatial : str
        ``"YX"``, or ``"ZYX"`` for volumetric models.
    channel_axis : str
        The axis that enters the network as channels; empty if channels are restored one by one.
    frame_axis : str
        ``"T"`` if planes are made from several frames, else empty.
    output_axes, output_shape
        Axes of the result, in the input's order, and their lengths.
    blocks : list of Block
        In row-major order of the output's axes.
    words : str
        What will be made from what, for the user.
    """

    spatial: str
    channel_axis: str
    frame_axis: str
    output_axes: str
    output_shape: tuple[int, ...]
    blocks: list[Block]
    words: str

    def describe(self) -> str:
        """The result in words, without a full stop."""
        return self.words


def plan_layout(image: CalibratedImage, card: ModelCard, settings: RestoreSettings) -> Layout:
    """Plan a restoration.

    Parameters
    ----------
    image : CalibratedImage
        The input.
    card : ModelCard
        The model.
    settings : RestoreSettings
        The user's choices.

    Returns
    -------
    Layout
        What is read, restored and written.

    Raises
    ------
    InputError
        If the axes, frames, channel or parameters do not fit the model; names both.
    """
    method_with(card, settings.parameters)
    check_applicable(card, settings)
    spatial = "ZYX"[-card.ndim :]
    if "Z" in spatial and "Z" not in image.axes:
        raise InputError(
            f"{image.name!r} has axes {image.axes}, but {card.id} restores volumes: name its Z axis."
        )
    channel_axis = _channel_axis(image, card)
    _check_channel(image, settings, channel_axis)
    window, fused = _frames(image, card, settings)

    dropped = set(spatial) | ({"T"} if fused else set())
    if channel_axis and card.out_channels == 1:
        dropped.add(channel_axis)
    if settings.channel is not None:
        dropped.add("C")
    sizes = {axis: size for axis, size in zip(image.axes, image.shape, strict=True)}
    sizes |= {axis: sizes[axis] * card.scale for axis in spatial}
    if channel_axis:
        sizes[channel_axis] = card.out_channels
    output_axes = "".join(axis for axis in image.axes if axis in spatial or axis not in dropped)
    looped = [axis for axis in output_axes if axis not in spatial and axis != channel_axis]

    blocks = []
    for position in product(*(range(sizes[axis]) for axis in looped)):
        index = dict(zip(looped, position, strict=True))
        fixed = dict(index) | ({"C": settings.channel} if settings.channel is not None else {})
        blocks.append(
            Block(
                index,
                tuple(fixed | at for at in _sources(image.size_of("T"), window, fused, index)),
                is_alpha=index.get("S") == ALPHA and channel_axis != "S",
            )
        )
    output_shape = tuple(sizes[axis] for axis in output_axes)
    return Layout(
        spatial,
        channel_axis,
        "T" if window > 1 or fused else "",
        output_axes,
        output_shape,
        blocks,
        _words(image, window, fused, output_axes, output_shape) + _extras(settings),
    )


def work_size(image: CalibratedImage, layout: Layout) -> int:
    """Pixels that the network has to restore in all, frames counted one by one."""
    plane = prod(image.size_of(axis) for axis in layout.spatial)
    return plane * sum(len(block.sources) for block in layout.blocks if not block.is_alpha)


def _channel_axis(image: CalibratedImage, card: ModelCard) -> str:
    if card.in_channels == 1:
        return ""
    for axis in "CS":
        if axis in image.axes and image.size_of(axis) == card.in_channels:
            return axis
    raise InputError(
        f"{image.name!r} has axes {image.axes} of shape {image.shape}, but {card.id} takes {card.in_channels} "
        "channels at once: name the axis that holds them C."
    )


def _check_channel(image: CalibratedImage, settings: RestoreSettings, channel_axis: str) -> None:
    if settings.channel is None:
        return
    if channel_axis or "C" not in image.axes:
        raise InputError(
            f"{image.name!r} with axes {image.axes} has no channel to choose: leave the channel out."
        )
    if settings.channel >= image.size_of("C"):
        raise InputError(
            f"{image.name!r} has {image.size_of('C')} channels: choose one from 0 to {image.size_of('C') - 1}."
        )


def _frames(image: CalibratedImage, card: ModelCard, settings: RestoreSettings) -> tuple[int, bool]:
    """Number of frames in a window, and whether all of them give one plane."""
    available = image.size_of("T")
    if card.frames is None:
        if settings.frames != "auto":
            raise InputError(f"{card.id} restores single images: leave frames at auto.")
        return 1, False
    if "T" not in image.axes:
        if settings.frames not in ("auto", "all", 1):
            raise InputError(
                f"{image.name!r} with axes {image.axes} has no frames to take {settings.frames} of: name the axis "
                "of the frames T, or leave frames at auto."
            )
        return 1, False
    if settings.frames == "all" and available > MOST_FRAMES:
        raise InputError(
            f"{image.name!r} has {available} frames, but at most {MOST_FRAMES} give one plane: "
            "choose auto for a sliding window, or cut the stack."
        )
    if settings.frames == "all" or (settings.frames == "auto" and available <= MOST_FRAMES):
        return available, True
    return (card.frames if settings.frames == "auto" else int(settings.frames)), False


def _sources(available: int, window: int, fused: bool, index: Mapping[str, int]) -> list[dict[str, int]]:
    if fused:
        return [{"T": t} for t in range(available)]
    if window == 1:
        return [{}]
    # An even window has its extra frame in the past; at the ends the window is cut, not shifted.
    first = max(0, index["T"] - window // 2)
    last = min(available, index["T"] - window // 2 + window)
    return [{"T": t} for t in range(first, last)]


def _words(
    image: CalibratedImage, window: int, fused: bool, output_axes: str, output_shape: tuple[int, ...]
) -> str:
    result = describe_axes(output_axes, output_shape)
    if fused:
        frames = "1 frame" if window == 1 else f"all {window} frames"
        return (
            f"{result}, each plane from {frames}"
            if len(output_axes) > 2
            else f"one sharp plane of {result} from {frames}"
        )
    if window > 1:
        return f"{result}, each from {window} neighbouring frames"
    return result


def _extras(settings: RestoreSettings) -> str:
    """What is done beyond the usual, to be seen where the panel says what will be made."""
    times = {2: ", network applied twice", 3: ", network applied three times"}.get(settings.passes, "")
    return times + (", network adapted to this image" if settings.adapt else "")
