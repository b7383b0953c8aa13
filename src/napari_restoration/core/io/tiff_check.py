"""Is a TIFF all there? Held against its own claims before a pixel is read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.io.ome import OmeImage, parse_ome
from napari_restoration.core.io.tiff_page import DESCRIPTION, STK_PLANES, DamagedTiff, Page
from napari_restoration.core.io.tiff_structure import TiffSkeleton, TiffWalker, walk_tiff

_AGAIN = "copy it again from its source"
_MOST_FILES = 10_000


@dataclass(frozen=True)
class CheckedTiff:
    """A TIFF that is all there.

    Parameters
    ----------
    kind : str
        ``"ome"``, ``"imagej"``, ``"shaped"``, ``"stk"`` or ``"plain"``.
    pages : list of Page
        Its directories.
    planes : int
        Planes of its first image.
    ome : OmeImage, optional
        What the OME-XML says of the first image.
    description : str
        The first page's ImageDescription.
    """

    kind: str
    pages: list[Page]
    planes: int
    ome: OmeImage | None
    description: str


def check_tiff(path: Path) -> CheckedTiff:
    """Refuse a TIFF that is cut off or claims planes that it does not hold.

    Parameters
    ----------
    path : Path
        A file that starts like a TIFF.

    Returns
    -------
    CheckedTiff
        What reading it can rely on.

    Raises
    ------
    InputError
        "ends early: N of M planes are whole", or what else is wrong with it.
    """
    try:
        with open(path, "rb") as file:
            walker = TiffWalker(file)
            skeleton = walker.walk()
            if not skeleton.pages:
                raise DamagedTiff(skeleton.broken)
            description = walker.text(skeleton.pages[0], DESCRIPTION)
    except DamagedTiff as damage:
        raise InputError(f"{path} {damage}: none of its planes is whole; {_AGAIN}.") from damage
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if _is_ome(description):
        return _check_ome(path, skeleton, description)
    if description.startswith("ImageJ="):
        return _check_imagej(path, skeleton, description)
    if _shaped_records(description):
        return _check_shaped(path, skeleton, description)
    if STK_PLANES in skeleton.pages[0].tags:
        planes = skeleton.pages[0].tags[STK_PLANES][1]
        return _check_joined(path, skeleton, "stk", planes, description)
    _require_whole(path, skeleton, skeleton.pages, None)
    return CheckedTiff("plain", skeleton.pages, len(skeleton.pages), None, description)


def imagej_fields(description: str) -> dict[str, str]:
    """The ``key=value`` lines of an ImageJ description."""
    lines = (line.split("=", 1) for line in description.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, value in lines}


def _is_ome(description: str) -> bool:
    return description.rstrip()[-10:].strip().endswith(("OME>", "ome>")) and "<" in description[:10]


def _check_ome(path: Path, skeleton: TiffSkeleton, description: str) -> CheckedTiff:
    images = parse_ome(description, str(path))
    if not images:
        raise InputError(f"{path} only refers to another file that describes it: open that one.")
    first = images[0]
    others = {block.file_name for image in images for block in image.blocks if block.file_name is not None}
    declared = sum(block.count for image in images for block in image.blocks if block.file_name is None)
    pages = [page for page in skeleton.pages if not page.reduced]
    _require_whole(
        path, skeleton, pages, max(declared, 0 if others else sum(image.planes for image in images))
    )
    for image in images:
        last = max(
            (block.first + block.count for block in image.blocks if block.file_name is None), default=0
        )
        if last > len(skeleton.pages):
            raise _early(path, len(pages), last)
        placed = sum(block.count for block in image.blocks)
        if placed != image.planes or min((block.count for block in image.blocks), default=1) < 1:
            raise _lie(path, f"its OME-XML claims {_sizes(image)}, that is {image.planes} planes", placed)
    if not others and sum(image.planes for image in images) != len(pages):
        raise _lie(path, f"its OME-XML claims {_sizes(first)}, that is {first.planes} planes", len(pages))
    _check_other_files(path, others)
    shape = skeleton.pages[0].shape
    if (first.sizes["Y"], first.sizes["X"]) != shape[1:3]:
        raise InputError(
            f"{path}: its OME-XML claims planes of {first.sizes['Y']} x {first.sizes['X']}, but they are "
            f"{shape[1]} x {shape[2]}; save it again in the program it comes from."
        )
    return CheckedTiff("ome", skeleton.pages, first.planes, first, description)


def _check_other_files(path: Path, names: set[str]) -> None:
    if len(names) > _MOST_FILES:
        raise InputError(f"{path} is spread over {len(names)} files, which is more than can be checked.")
    for name in sorted(names):
        other = path.parent / name
        if Path(name).name != name or not other.is_file():
            raise InputError(
                f"{path} is one part of a set, and its part {name!r} is not beside it: copy all parts."
            )
        try:
            skeleton = walk_tiff(other)
        except DamagedTiff as damage:
            raise InputError(f"{other} {damage}: none of its planes is whole; {_AGAIN}.") from damage
        _require_whole(other, skeleton, skeleton.pages, None)


def _check_imagej(path: Path, skeleton: TiffSkeleton, description: str) -> CheckedTiff:
    fields = imagej_fields(description)
    try:
        axes = {key: int(fields.get(key, 1)) for key in ("channels", "slices", "frames")}
        images = int(fields.get("images", 0))
    except ValueError as error:
        raise InputError(f"{path}: its ImageJ description holds no readable sizes ({error}).") from error
    page = skeleton.pages[0]
    in_pages = axes["slices"] * axes["frames"]
    if axes["channels"] != page.shape[3]:  # Bio-Formats counts the samples of RGB as channels
        in_pages *= axes["channels"]
    claimed = in_pages
    if in_pages == 1:  # a plain stack need not say of what
        claimed = images or len(skeleton.pages)
    if min(axes.values()) < 1 or (images and images != claimed):
        sizes = ", ".join(f"{count} {key}" for key, count in axes.items())
        raise _lie(path, f"its ImageJ description claims {sizes}", max(images, len(skeleton.pages)))
    return _check_joined(path, skeleton, "imagej", claimed, description)


def _check_joined(
    path: Path, skeleton: TiffSkeleton, kind: str, planes: int, description: str
) -> CheckedTiff:
    """Check a stack that may lie in one piece behind its first directory."""
    page = skeleton.pages[0]
    if len(skeleton.pages) == 1 and planes > 1 and not skeleton.broken:
        if not page.contiguous:
            raise _early(path, int(not page.problem), planes)
        whole = (skeleton.file_size - page.data_offset) // page.nbytes
        if whole < planes:
            raise _early(path, whole, planes)
        return CheckedTiff(kind, skeleton.pages, planes, None, description)
    _require_whole(path, skeleton, skeleton.pages, planes)
    if len(skeleton.pages) != planes:
        raise _lie(path, f"its description claims {planes} planes", len(skeleton.pages))
    return CheckedTiff(kind, skeleton.pages, planes, None, description)


def _shaped_records(description: str) -> Mapping[str, Any]:
    if not description.startswith("{"):
        return {}
    try:
        record = json.loads(description)
    except (ValueError, RecursionError):
        return {}
    shape = record.get("shape") if isinstance(record, dict) else None
    if not isinstance(shape, list) or not all(isinstance(n, int) and n > 0 for n in shape):
        return {}
    return dict(record)


def _check_shaped(path: Path, skeleton: TiffSkeleton, description: str) -> CheckedTiff:
    record = _shaped_records(description)
    page = skeleton.pages[0]
    if 0 in page.shape:
        _require_whole(path, skeleton, skeleton.pages, None)
    planes, rest = divmod(math.prod(record["shape"]), math.prod(page.shape))
    if rest or planes < 1:
        raise InputError(
            f"{path}: its description claims the shape {tuple(record['shape'])}, which planes of "
            f"{page.shape[1]} x {page.shape[2]} cannot make; save it again in the program it comes from."
        )
    if len(skeleton.pages) > planes and not skeleton.broken and _starts_another(path, skeleton, planes):
        _require_whole(path, skeleton, skeleton.pages, None)
        return CheckedTiff("shaped", skeleton.pages, planes, None, description)
    return _check_joined(path, skeleton, "shaped", planes, description)


def _starts_another(path: Path, skeleton: TiffSkeleton, index: int) -> bool:
    """Whether a page after the first image is the start of another one, or a level of a pyramid."""
    if skeleton.pages[index].reduced:
        return True
    with open(path, "rb") as file:
        return bool(_shaped_records(TiffWalker(file).text(skeleton.pages[index], DESCRIPTION)))


def _require_whole(path: Path, skeleton: TiffSkeleton, pages: list[Page], claimed: int | None) -> None:
    whole = sum(not page.problem for page in pages)
    if skeleton.broken == "ends early":
        raise _early(path, whole, max(claimed or 0, len(pages) + 1))
    if skeleton.broken:
        raise InputError(f"{path} {skeleton.broken}: {whole} planes are whole; {_AGAIN}.")
    total = max(claimed or 0, len(pages))
    worst = next((page.problem for page in skeleton.pages if page.problem), "")
    if worst == "ends early" or (not worst and whole < total):
        raise _early(path, whole, total)
    if worst:
        raise InputError(
            f"{path} is damaged, a plane {worst}: {whole} of {total} planes are whole; {_AGAIN}."
        )


def _early(path: Path, whole: int, total: int) -> InputError:
    return InputError(f"{path} ends early: {whole} of {total} planes are whole; {_AGAIN}.")


def _lie(path: Path, claim: str, found: int) -> InputError:
    return InputError(f"{path}: {claim}, but it holds {found}; save it again in the program it comes from.")


def _sizes(image: OmeImage) -> str:
    return ", ".join(f"Size{axis} {image.sizes[axis]}" for axis in "ZCT")
