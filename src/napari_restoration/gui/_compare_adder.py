"""Makes difference and ratio layers in a thread, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_restoration.core.progress import Progress
from napari_restoration.gui._compare_lattice import look_at
from napari_restoration.gui._compare_result_layers import Measured, add_comparison, run_comparison
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._workers import RunningTask, start_task

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.tasks.comparison import GreyMatch, Kind


class ResultAdder(QObject):
    """Computes the plane in view of a difference or ratio, for its contrast; the rest stays lazy.

    Parameters
    ----------
    viewer : napari.Viewer
        Where layers are added.
    owner : QWidget
        The widget in the dock; when it goes, the work stops.
    """

    made = Signal(object)
    """A `Measured`, to be given to `place`."""
    told = Signal(str)
    failed = Signal(str)
    busy = Signal(bool)

    def __init__(self, viewer: ViewerModel, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer, self._owner = viewer, owner
        self.running: RunningTask | None = None
        self._pair: tuple[Image, Image] | None = None
        self._is_matched = False

    def start(self, kind: Kind, pair: tuple[Image, Image], match: GreyMatch | None) -> None:
        """Begin, unless something is being made.

        Parameters
        ----------
        kind : "difference" or "ratio"
            What to make.
        pair : tuple of napari.layers.Image
            The earlier and the later layer.
        match : GreyMatch or None
            Brings the later one to the grey levels of the earlier one first.

        Raises
        ------
        InputError
            If a layer is in colour, or its axes cannot be told.
        """
        if self.running is not None:
            return
        looks = look_at(self._viewer, pair[0]), look_at(self._viewer, pair[1])
        self._pair, self._is_matched = pair, match is not None
        self.busy.emit(True)
        self.told.emit("Computing the plane in view …")
        self.running = start_task(
            run_comparison(looks, kind, match),
            self._owner,
            on_report=self._on_report,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    def place(self, made: Measured) -> Image:
        """Add what was made to the viewer."""
        if self._pair is None:
            raise RuntimeError("Nothing was begun.")
        return add_comparison(self._viewer, self._pair, made, matched=self._is_matched)

    def _on_report(self, reports: list[Progress]) -> None:
        pass  # one plane: there is nothing to count

    def _on_done(self, made: Measured) -> None:
        if self._pair is None or not all(layer in self._viewer.layers for layer in self._pair):
            self.told.emit("One of the layers has left the viewer: nothing was added.")
            return
        self.made.emit(made)

    def _on_error(self, error: BaseException) -> None:
        self.failed.emit(error_words(error, "Comparing"))

    def _on_cancel(self) -> None:
        self.told.emit("")

    def _on_finished(self) -> None:
        self.running, self._pair = None, None
        self.busy.emit(False)
