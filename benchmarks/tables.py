"""Tables of results as CSV files whose rows are frozen dataclasses with a ``key`` that tells runs apart."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

R = TypeVar("R")


def read_rows(path: Path, kind: type[R]) -> list[R]:
    """The rows of a file; none where there is no file."""
    if not path.exists():
        return []
    names: Any = kind
    casts = {"int": int, "float": float, "str": str}
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            kind(**{f.name: casts[str(f.type)](row[f.name]) for f in fields(names)})
            for row in csv.DictReader(stream)
        ]


def add_rows(path: Path, rows: Sequence[Any]) -> None:
    """Append rows; those of the same run that are there already, from a run stopped in between, make room."""
    kind = type(rows[0])
    keys = {row.key for row in rows}
    every = [*(row for row in read_rows(path, kind) if row.key not in keys), *rows]
    beside = path.with_suffix(".new")
    with beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in every)
    beside.replace(path)
