"""Driving napari from a script."""

from __future__ import annotations

import time


def wait(application, condition, limit):  # type: ignore[no-untyped-def]
    """Let the event loop run until a condition holds, or the limit in seconds is over."""
    end = time.monotonic() + limit
    while not condition() and time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)
