"""Numbers: scores against a reference, or what the images tell of themselves, in a table to copy and save."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.files import safe_file_name, write_bytes_atomically
from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._compare_table import METRICS, NumberTable
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._layer_choice import LayerChoice
from napari_restoration.gui._layers import guess_layer_axes, layer_to_image
from napari_restoration.gui._look import ACCENT, PRIMARY
from napari_restoration.gui._message import Message, in_panel_words, small_text
from napari_restoration.gui._progress_bar import ProgressBar
from napari_restoration.gui._step_combo import NarrowCombo
from napari_restoration.gui._view import shown_index
from napari_restoration.gui._workers import RunningTask, start_task

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.core.image import CalibratedImage
    from napari_restoration.tasks.comparison_quality import Quality
    from napari_restoration.tasks.comparison_scores import Scores


class NumbersPanel(QWidget):
    """Measures both layers in a thread.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered as reference, and whose plane in view is measured.
    pair_of : callable
        Gives the earlier and the later layer; raises `InputError` where there are none.
    owner : QWidget
        The widget in the dock; when it goes, the work stops.
    """

    measured = Signal()

    def __init__(
        self, viewer: ViewerModel, pair_of: Callable[[], tuple[Image, Image]], *, owner: QWidget
    ) -> None:
        super().__init__()
        self._viewer, self._pair_of, self._owner = viewer, pair_of, owner
        self.running: RunningTask | None = None
        self.result: Scores | Quality | None = None
        self._letters: tuple[str, ...] = ()
        self.reference = LayerChoice(viewer, none_words="none (image quality alone)")
        self.reference.setToolTip(
            "What both layers should look like: the truth of a simulation, or a better image of the same place."
        )
        self.button = QPushButton("Measure")
        self.button.setStyleSheet(PRIMARY)
        self.button.setToolTip(
            "Score all planes against the reference; without one, measure the plane in view."
        )
        self.progress = ProgressBar()
        self.progress.set_accent(ACCENT)
        self.progress.step = "plane"
        self.progress.cancel_button.setToolTip("Stop after the current plane. The table before stays.")
        self.message = Message()
        self.shown = NarrowCombo()
        self.shown.setToolTip("Means over all planes, or one score of every plane.")
        self.shown.add("All planes together", "")
        for name, (title, _) in METRICS.items():
            self.shown.add(f"{title} of each plane", name)
        self.table = NumberTable()
        self.notes = small_text()
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy everything, to paste into a spreadsheet.")
        self.csv_button = QPushButton("Save CSV…")
        self.csv_button.setToolTip("Write everything, every plane included, as comma-separated values.")
        self._lay_out()
        self.button.clicked.connect(self.start)
        self.progress.cancel_clicked.connect(self.cancel)
        self.shown.currentIndexChanged.connect(self._show)
        self.copy_button.clicked.connect(self.copy)
        self.csv_button.clicked.connect(self.save_csv)
        self._show()

    def start(self) -> None:
        """Measure in a thread."""
        if self.running is not None:
            return
        try:
            task = self._make()
        except RestorationError as error:
            self._tell_error(str(error))
            return
        self.message.clear()
        self.button.setEnabled(False)
        self.progress.start("Preparing")
        self.running = start_task(
            task,
            self._owner,
            on_report=self._on_reports,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    def cancel(self) -> None:
        """Stop after the current plane."""
        if self.running is not None:
            self.running.cancel()
            self.progress.show_cancelling()

    def copy(self) -> None:
        """Put the whole table on the clipboard, with tabs."""
        clipboard = QGuiApplication.clipboard()
        if self.result is not None and clipboard is not None:
            clipboard.setText("\n".join("\t".join(row) for row in self._rows()))
            self.message.show_text("Copied.")

    def save_csv(self) -> None:
        """Ask for a file and write the whole table."""
        if self.result is None:
            return
        start = safe_file_name(f"numbers {' '.join(self.result.names)}") + ".csv"
        chosen = str(QFileDialog.getSaveFileName(self, "Save numbers", start, "*.csv")[0])
        if not chosen:
            return
        path = Path(chosen)
        path = path if path.suffix else path.with_suffix(".csv")
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self._rows())
        try:
            write_bytes_atomically(path, text.getvalue().encode("utf-8"))
        except (OSError, RestorationError) as error:
            self._tell_error(f"{path} was not written: {error}")
            return
        self.message.show_text(f"Wrote {path}.")

    def _make(self) -> Task[Scores] | Task[Quality]:
        from napari_restoration.tasks.comparison_quality import iter_quality
        from napari_restoration.tasks.comparison_scores import iter_scores

        reference = self.reference.layer
        chosen = [
            (letter, layer)
            for letter, layer in zip("AB", self._pair_of(), strict=True)
            if layer is not reference
        ]
        self._letters = tuple(letter for letter, _ in chosen)
        images = [self._image_of(layer) for _, layer in chosen]
        if reference is not None:
            self.progress.step = "plane"
            return iter_scores(images, self._image_of(reference))
        self.progress.step = "measurement"
        places = [
            shown_index(self._viewer, layer, image.axes)
            for (_, layer), image in zip(chosen, images, strict=True)
        ]
        return iter_quality(images, places)

    def _image_of(self, layer: Image) -> CalibratedImage:
        return layer_to_image(layer, guess_layer_axes(layer))

    def _rows(self) -> list[list[str]]:
        from napari_restoration.tasks.comparison_quality import Quality, quality_rows
        from napari_restoration.tasks.comparison_scores import score_rows

        if self.result is None:
            return []
        return quality_rows(self.result) if isinstance(self.result, Quality) else score_rows(self.result)

    def _show(self, _index: Any = None) -> None:
        from napari_restoration.tasks.comparison_quality import Quality

        result = self.result
        has_planes = result is not None and not isinstance(result, Quality) and len(result.planes) > 1
        self.shown.setVisible(has_planes)
        for part in (self.copy_button, self.csv_button):
            part.setVisible(result is not None)
        self.notes.setVisible(result is not None)
        if isinstance(result, Quality):
            self.table.show_quality(result, self._letters)
            self.notes.setText("\n".join(result.notes))
        elif result is not None:
            metric = str(self.shown.currentData() or "")
            if metric:
                self.table.show_planes(result, self._letters, metric)
            else:
                self.table.show_overall(result, self._letters)
            self.notes.setText(_about(result))

    def _on_reports(self, reports: list[Progress]) -> None:
        if self.running is not None and not self.running.is_cancelled:
            self.progress.advance(reports[-1], reports[-1].message or "Measuring")

    def _on_done(self, result: Scores | Quality) -> None:
        self.result = result
        self.shown.setCurrentIndex(0)
        self._show()
        self.measured.emit()

    def _on_cancel(self) -> None:
        self.message.show_text("Cancelled.")

    def _on_error(self, error: BaseException) -> None:
        self._tell_error(error_words(error, "Measuring"))

    def _on_finished(self) -> None:
        self.running = None
        self.progress.finish()
        self.button.setEnabled(True)

    def _tell_error(self, text: str) -> None:
        self.message.show_text(in_panel_words(text), "error")

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.addRow("Reference", self.reference)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.csv_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self.form)
        for part in (self.button, self.progress, self.message, self.shown, self.table, self.notes):
            layout.addWidget(part)
        layout.addLayout(buttons)


def _about(scores: Scores) -> str:
    count = len(scores.planes)
    planes = "1 plane" if count == 1 else f"means over {count} planes"
    words = [
        f"Against {scores.reference!r}, {planes}, data range {scores.data_range:.6g}. "
        "Affine: after the gain and offset that fit each plane best."
    ]
    for name, identical in zip(scores.names, scores.identical_planes, strict=True):
        if identical:
            words.append(
                f"{name!r} equals the reference in {identical} of them; their infinite PSNR does not count."
            )
    return " ".join(words)
