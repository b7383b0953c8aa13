"""Did a training help? Restore held-out images with the model before and the model after, and compare."""

from __future__ import annotations

from napari_restoration.tasks.assessment import (
    Assessment,
    Examples,
    ImageScores,
    read_assessment,
    read_examples,
)

__all__ = ["Assessment", "Examples", "ImageScores", "read_assessment", "read_examples"]
