"""Names of axes: checking them, guessing them, and saying them in words."""

from __future__ import annotations

from collections.abc import Sequence

from napari_restoration.core.errors import InputError

KNOWN_AXES = "TZCYXS"

_NOUNS = {
    "T": ("time point", "time points"),
    "Z": ("plane", "planes"),
    "C": ("channel", "channels"),
}

_LABELS = {
    "t": "T", "time": "T", "frame": "T", "frames": "T",
    "z": "Z", "depth": "Z", "plane": "Z",
    "c": "C", "ch": "C", "channel": "C", "channels": "C",
    "y": "Y", "row": "Y", "rows": "Y", "height": "Y",
    "x": "X", "column": "X", "columns": "X", "width": "X",
    "s": "S", "rgb": "S", "samples": "S",
}  # fmt: skip

# A short first axis is far more often the channels of one picture than time points.
_LARGEST_CHANNEL_COUNT = 4
_SHORTEST_COLOUR_SIDE = 30


def check_axes(axes: str, shape: Sequence[int], name: str = "image") -> str:
    """Check an axes string against the shape it is to describe.

    Parameters
    ----------
    axes : str
        One letter for each dimension, upper or lower case.
    shape : sequence of int
        Shape of the array.
    name : str
        What messages call the image.

    Returns
    -------
    str
        The axes in upper case.

    Raises
    ------
    InputError
        If a letter is unknown or stands twice, ``Y`` or ``X`` is missing, or the number of letters is not the
        number of dimensions.
    """
    axes = axes.upper()
    shape = tuple(shape)
    if len(axes) != len(shape):
        raise InputError(
            f"{name!r} has {len(shape)} dimensions {shape}, but the axes {axes!r} name {len(axes)}: "
            f"give one letter out of {KNOWN_AXES} for each dimension, for example {guess_axes(shape)!r}."
        )
    unknown = sorted(set(axes) - set(KNOWN_AXES))
    if unknown:
        raise InputError(
            f"Axes {axes!r} of {name!r}: {unknown[0]!r} is unknown, use letters out of {KNOWN_AXES}."
        )
    if len(set(axes)) != len(axes):
        raise InputError(f"Axes {axes!r} of {name!r} name an axis twice: use each letter once.")
    if not {"Y", "X"} <= set(axes):
        raise InputError(f"Axes {axes!r} of {name!r} lack Y or X: restoration needs both.")
    if "S" in axes and shape[axes.index("S")] not in (3, 4):
        raise InputError(
            f"Axes {axes!r} of {name!r}: S means RGB or RGBA, but that axis has {shape[axes.index('S')]} entries; "
            "call it C."
        )
    return axes


def guess_axes(shape: Sequence[int], labels: Sequence[str] | None = None, *, rgb: bool = False) -> str:
    """Guess what the axes of an array mean; the user sees the guess and can change it.

    Named axes keep their meaning. Of the unnamed, the last two are ``YX``; in front of them come time for one
    axis, time and depth for two, and time, depth and channels for three. A first axis of 2 to 4 entries
    is taken for channels.

    Parameters
    ----------
    shape : sequence of int
        Shape of the array.
    labels : sequence of str, optional
        Names given by the viewer or the file, one for each axis (without the samples' axis if `rgb`).
    rgb : bool
        Whether the last axis holds colour samples.

    Returns
    -------
    str
        One letter for each dimension.

    Raises
    ------
    InputError
        If there are fewer than two or more than five axes besides the colour samples.
    """
    shape = tuple(shape)
    count = len(shape) - rgb
    if not 2 <= count <= 5:
        raise InputError(f"An array of shape {shape} is no image: 2 to 5 axes out of TZCYX are supported.")
    named = [_LABELS.get(str(label).strip().lower(), "") for label in labels or ()][:count]
    named += [""] * (count - len(named))
    if len(set(filter(None, named))) != len(list(filter(None, named))):
        named = [""] * count
    free = [letter for letter in _unnamed_order(shape[:count]) if letter not in named]
    if named[-2:] == ["", ""]:
        named[-2:] = ["Y", "X"]
        free = [letter for letter in free if letter not in "YX"]
    guess = ""
    for letter in named:
        guess += letter or (
            free.pop(0) if free else next(a for a in "TZCYX" if a not in guess and a not in named)
        )
    if not {"Y", "X"} <= set(guess):
        return guess_axes(shape, rgb=rgb)
    return guess + ("S" if rgb else "")


def looks_like_colour(shape: Sequence[int]) -> bool:
    """Whether the shape of an array that says nothing else is that of RGB or RGBA pictures, as napari judges it.

    Parameters
    ----------
    shape : sequence of int
        Shape of the array.

    Returns
    -------
    bool
        True for 3 or 4 last entries behind two sides of more than 30 pixels.
    """
    return len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > _SHORTEST_COLOUR_SIDE


def describe_axes(axes: str, shape: Sequence[int]) -> str:
    """Say a shape in words, such as ``"20 time points of 1024 x 1024"``.

    Parameters
    ----------
    axes : str
        One letter for each dimension.
    shape : sequence of int
        Length of each axis.

    Returns
    -------
    str
        A phrase without a full stop; sizes are height x width in pixels.
    """
    sizes = dict(zip(axes, shape, strict=True))
    words = [f"{sizes[letter]} {_NOUNS[letter][sizes[letter] != 1]}" for letter in "TZC" if letter in sizes]
    plane = f"{sizes['Y']} x {sizes['X']}" + (" in colour" if "S" in sizes else "")
    return f"{' of '.join(words)} of {plane}" if words else plane


def _unnamed_order(shape: tuple[int, ...]) -> str:
    leading = {2: "", 3: "T", 4: "TZ", 5: "TZC"}[len(shape)]
    if len(shape) == 3 and 2 <= shape[0] <= _LARGEST_CHANNEL_COUNT:
        leading = "C"
    elif len(shape) == 4 and 2 <= shape[1] <= _LARGEST_CHANNEL_COUNT:
        leading = "TC"
    return leading + "YX"
