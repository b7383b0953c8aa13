"""All experiments, by paper."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from benchmarks.papers.common import Experiment

MODULES = ("care", "burst", "c2f", "rrdb", "comi")
"""Cheap and telling ones first."""


def experiments(papers: Sequence[str] | None = None) -> list[Experiment]:
    """The experiments of these papers, or of all."""
    found: list[Experiment] = []
    for name in papers or MODULES:
        found += import_module(f"benchmarks.papers.{name}").EXPERIMENTS
    return found
