"""The limits of each field of a model card. Cards come from strangers: each value is checked before its use."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

MAX_CARD_BYTES = 2**20
MAX_DEPTH = 12
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.safetensors")
_SHA256 = re.compile(r"([0-9a-f]{64})?")

# Gives what is wrong with a value ("must be ..."), or an empty string.
Check = Callable[[Any], str]


def check_card_size(path: Path) -> None:
    """Raise ValueError for a file that is too large to be a card."""
    if (size := path.stat().st_size) > MAX_CARD_BYTES:
        raise ValueError(f"{size} bytes, a card has at most {MAX_CARD_BYTES}")


def plain(value: Any) -> Any:
    """Turn mappings and tuples into dicts and lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(entry) for entry in value]
    return value


def _text(pattern: re.Pattern[str] | None, wanted: str, longest: int = 10_000) -> Check:
    def check(value: Any) -> str:
        good = isinstance(value, str) and len(value) <= longest
        return "" if good and (pattern is None or pattern.fullmatch(value)) else f"must be {wanted}"

    return check


def _one_of(*names: str) -> Check:
    wanted = "must be one of " + ", ".join(names)
    return lambda value: "" if isinstance(value, str) and value in names else wanted


def _whole(lowest: int, highest: int) -> Check:
    def check(value: Any) -> str:
        good = isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest
        return "" if good else f"must be a whole number from {lowest} to {highest}"

    return check


def _real(lowest: float, highest: float) -> Check:
    def check(value: Any) -> str:
        good = isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest
        return "" if good else f"must be a number from {lowest:g} to {highest:g}"

    return check


def _or_none(check: Check) -> Check:
    return lambda value: "" if value is None else check(value) + " or null" * bool(check(value))


def _yes_or_no(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _json_object(value: Any) -> str:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return "must be a JSON object"
    return _json_value(value, MAX_DEPTH)


def _json_value(value: Any, depth: int) -> str:
    if depth == 0:
        return f"must not be nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, float) and not math.isfinite(value):
        return "must hold finite numbers only"
    if isinstance(value, Mapping):
        return next(filter(None, (_json_value(entry, depth - 1) for entry in value.values())), "")
    if isinstance(value, list | tuple):
        return next(filter(None, (_json_value(entry, depth - 1) for entry in value)), "")
    return "" if value is None or isinstance(value, str | int | float) else "must hold JSON values only"


def _json_objects(value: Any) -> str:
    if not isinstance(value, tuple):
        return "must be a list of JSON objects"
    return next(filter(None, map(_json_object, value)), "")


def _size_range(value: Any) -> str:
    limits = _real(1e-6, 1e6)
    good = isinstance(value, tuple) and len(value) == 2 and not any(map(limits, value))
    return "" if good else "must be two sizes in micrometres, from 1e-6 to 1e6"


_ANY_TEXT = _text(None, "a text")
_LARGEST_FIELD = 100_000

CHECKS: Mapping[str, Check] = {
    "id": _text(_ID, "at most 64 letters, digits, '.', '_' or '-'"),
    "title": _ANY_TEXT,
    "description": _ANY_TEXT,
    "task": _one_of("deblur", "refocus", "superres", "denoise"),
    "arch": _ANY_TEXT,
    "arch_args": _json_object,
    "weights_file": _text(_FILE, "a plain file name that ends in .safetensors"),
    "weights_sha256": _text(_SHA256, "64 hexadecimal digits"),
    "weights_bytes": _whole(0, 2**40),
    "ndim": _whole(2, 3),
    "in_channels": _whole(1, 64),
    "out_channels": _whole(1, 64),
    "laplace_scale": _yes_or_no,
    "frames": _or_none(_whole(1, 8)),
    "scale": _whole(1, 8),
    "size_multiple": _whole(1, 1024),
    "halo": _whole(0, _LARGEST_FIELD),
    "receptive_field": _whole(0, _LARGEST_FIELD),
    "seam_error": _or_none(_real(0.0, 1e6)),
    "whole_image": _yes_or_no,
    "training_size": _or_none(_whole(1, _LARGEST_FIELD)),
    "low_percentile": _real(0.0, 100.0),
    "high_percentile": _real(0.0, 100.0),
    "normalizer": _one_of("percentile", "noise"),
    "pixel_size_um": _or_none(_size_range),
    "trained_on": _json_objects,
    "recipe": _ANY_TEXT,
    "seed": _or_none(_whole(0, 2**64 - 1)),
    "training": _json_object,
    "scores": _json_object,
    "domain": _json_object,
    "license": _ANY_TEXT,
    "citation": _ANY_TEXT,
    "version": _whole(1, 1),
    "extra": _json_object,
}
