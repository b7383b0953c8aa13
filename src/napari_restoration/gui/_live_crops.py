"""What a network makes of fixed validation crops while it trains, and of held-out crops in the end, as layers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._crop_grid import Column, CropGrid, limits_of, stacked
from napari_restoration.gui._latest_task import LatestTask

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_restoration.tasks.assess import Examples
    from napari_restoration.tasks.train_reports import LiveCrops

_LOG = logging.getLogger(__name__)
_SPREADS = 1.5
_SMALLEST_SHARE = 0.05


class CropLayers(QObject):
    """Keeps the layers of one training up to date. Files are read in a thread.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    panel : QWidget
        The panel; what is read ends with it.
    """

    def __init__(self, viewer: ViewerModel, panel: QWidget) -> None:
        super().__init__(panel)
        self.grid = CropGrid(viewer, self)
        self.columns: list[Column] = []
        """What was read last."""
        self._path: Path | None = None
        self._scale_um: float | None = None
        self._is_over = True
        self._has_moved = False
        self.reading = LatestTask(
            panel, self._read, on_report=self._on_report, on_done=self._on_read, on_error=self._on_error
        )

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is read and all layers are as they were asked for."""
        return self.reading.is_at_rest and self.grid.is_at_rest

    def begin(self, scale_um: float | None) -> None:
        """Another training begins: nothing is shown yet.

        Parameters
        ----------
        scale_um : float or None
            Pixel size of the input, if it is known.
        """
        self.end()
        self.columns, self._scale_um, self._is_over, self._has_moved = [], scale_um, False, False

    def show_file(self, path: Path) -> None:
        """Read and show what a training run has written."""
        self._path = path
        self.reading.ask()

    def show_there(self) -> None:
        """Move the camera to the layers; where the user has deleted all of them they come again."""
        if not self.grid.layers and self.grid.is_at_rest and self.columns:
            self.grid.add(self.columns, self._scale_um)
        self.grid.go_there()

    def end(self) -> None:
        """Take the layers away; the camera goes back where the user has not moved it."""
        self._is_over = True
        self.grid.remove(goes_back=True)

    def show_examples(self, examples: Examples) -> None:
        """Show held-out crops instead, the one that gained most on top, and move the camera there."""
        self._is_over = True
        self.columns = example_columns(examples)
        self.grid.add(self.columns, self._scale_um)

    def _read(self) -> Task[list[Column]] | None:
        return None if self._path is None or self._is_over else _read_columns(self._path, self.columns)

    def _on_read(self, columns: list[Column]) -> None:
        if self._is_over:
            return
        is_first, self.columns = not self.columns, columns
        if is_first:
            self.grid.add(columns, self._scale_um)
        elif self.grid.is_at_rest:
            self.grid.update(columns)

    def _on_report(self, reports: list[Progress]) -> None:
        pass  # a file is read at once

    def _on_error(self, error: BaseException) -> None:
        # The next one comes in seconds; training goes on without pictures.
        _LOG.warning("Live crops could not be read: %s", error)


def _read_columns(path: Path, before: list[Column]) -> Task[list[Column]]:
    from napari_restoration.tasks.train_reports import read_live

    yield Progress(done=0, total=1)
    return live_columns(read_live(path), before)


def live_columns(crops: LiveCrops, before: list[Column] | None = None) -> list[Column]:
    """Input, result, target and difference of a training's crops.

    Parameters
    ----------
    crops : LiveCrops
        What the run wrote.
    before : list of Column, optional
        The ones shown until now: their contrast stays, so that the pictures can be compared.

    Returns
    -------
    list of Column
        The difference's limits are one and a half times the root mean square of what the input differs by from the
        target: it fades while the network learns.
    """
    finer = crops.scale
    if before:
        limits, (_, far) = before[0].limits, before[-1].limits
    else:
        limits = limits_of(crops.input, crops.target)
        spread = np.abs(np.kron(crops.input, np.ones((1, finer, finer), np.float32)) - crops.target)
        far = max(_SPREADS * float(np.sqrt(np.nanmean(spread**2))), _SMALLEST_SHARE * (limits[1] - limits[0]))
    pictures = {
        "input": stacked(crops.input),
        "result": stacked(crops.prediction, finer),
        "target": stacked(crops.target, finer),
        "difference": stacked(crops.prediction - crops.target, finer),
    }
    look: dict[str, dict[str, Any]] = {role: {"finer": finer, "limits": limits} for role in pictures}
    look["input"]["finer"] = 1
    look["result"]["words"] = f"step {crops.step}"
    look["difference"] |= {"limits": (-far, far), "is_difference": True}
    for old in before or ():
        if np.array_equal(old.picture, pictures[old.role], equal_nan=True):
            pictures[old.role] = old.picture  # the same object: nothing has to be drawn anew
    return [Column(role=role, picture=values, **look[role]) for role, values in pictures.items()]


def example_columns(examples: Examples) -> list[Column]:
    """Input, before, after and target of held-out crops; no column of a model that there was not."""
    limits = limits_of(examples.input, examples.target)
    given = {"before": examples.before, "after": examples.after, "target": examples.target}
    columns = [Column(role="input", picture=stacked(examples.input), finer=1, limits=limits)]
    columns += [
        Column(role=role, picture=stacked(crops, examples.scale), finer=examples.scale, limits=limits)
        for role, crops in given.items()
        if crops is not None
    ]
    return columns
