"""What is wrong with the shown plane: run when the button is pressed, told below it, and what to use against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QSize, Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.progress import Progress
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._layers import layer_to_image
from napari_restoration.gui._message import small_text
from napari_restoration.gui._model_picker import TASKS
from napari_restoration.gui._view import shown_index
from napari_restoration.gui._workers import RunningTask, start_task

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_restoration.gui._form import RestoreForm
    from napari_restoration.tasks.diagnose import Diagnosis
    from napari_restoration.tasks.findings import Finding


# Letter and ground of a mark: white on these reads well in the dark and in the light theme.
_MARKS = {"problem": ("!", "#c93c3c"), "note": ("i", "#a87a12"), "good": ("✓", "#2f8a4c")}
_MARK_PX = 16
_LINK = """
QPushButton {{ background: transparent; border: none; padding: 2px 5px; text-align: left; color: {colour}; }}
QPushButton:hover {{ text-decoration: underline; }}
QPushButton:disabled {{ color: rgba(128, 128, 128, 200); }}
"""
_LINK_ON_DARK, _LINK_ON_LIGHT = "#8fb2ff", "#2a55c8"


class DiagnosisList(QWidget):
    """Findings with a mark each, what to do, and a link that chooses it; hidden while there is nothing to tell.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    use_clicked = Signal(str, str)
    """The advised task and model."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.diagnosis: Diagnosis | None = None
        """What is shown."""
        self.title = small_text()
        self.advice = _wrapped()
        self.link = QPushButton()
        self.link.setCursor(Qt.CursorShape.PointingHandCursor)
        self.link.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.link.setToolTip("Choose this task and model above. Nothing runs.")
        self.link.clicked.connect(self._use)
        self._rows = QWidget()
        self._grid = _grid(self._rows)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(5)
        for part in (self.title, self._rows, self.advice, self.link):
            layout.addWidget(part)
        self.hide()

    def show_diagnosis(self, diagnosis: Diagnosis, title: str) -> None:
        """Show findings in place of earlier ones.

        Parameters
        ----------
        diagnosis : Diagnosis
            What was found.
        title : str
            What was looked at.
        """
        self.clear()
        self.diagnosis = diagnosis
        self.title.setText(title)
        for row, finding in enumerate(diagnosis.findings):
            self._grid.addWidget(_mark(finding), row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(_wrapped(finding.words), row, 1)
        self.advice.setText(diagnosis.advice)
        if diagnosis.task in TASKS and diagnosis.model is not None:
            self.link.setText(f"Use: {TASKS[diagnosis.task][0]} with {diagnosis.model}")
        self.link.setVisible(bool(self.link.text()))
        self.show()

    def clear(self) -> None:
        """Show nothing."""
        self.diagnosis = None
        self.link.setText("")
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # it is deleted only when Qt comes to it
                widget.deleteLater()
        self.hide()

    def words(self) -> list[str]:
        """The findings that are shown, in order."""
        items = [self._grid.itemAtPosition(row, 1) for row in range(self._grid.rowCount())]
        labels = [item.widget() for item in items if item is not None]
        return [label.text() for label in labels if isinstance(label, QLabel)]

    def follow_theme(self, theme: str) -> None:
        """Give the link a colour that reads well on the theme's ground."""
        from napari.utils.theme import get_theme

        is_dark = sum(get_theme(theme).background.as_rgb_tuple()[:3]) < 3 * 128
        self.link.setStyleSheet(_LINK.format(colour=_LINK_ON_DARK if is_dark else _LINK_ON_LIGHT))

    def _use(self) -> None:
        if self.diagnosis is not None and self.diagnosis.task is not None:
            self.use_clicked.emit(self.diagnosis.task, self.diagnosis.model or "")


class Diagnoser(QObject):
    """Diagnoses the shown plane when the form's button is pressed, and never by itself.

    Parameters
    ----------
    panel : QWidget
        The docked widget: when it is closed, a diagnosis that runs ends.
    form : RestoreForm
        With the button, the list, and the layer to look at.
    viewer : napari.Viewer
        Whose sliders choose the plane.
    """

    def __init__(self, panel: QWidget, form: RestoreForm, viewer: ViewerModel) -> None:
        super().__init__(panel)
        self._panel, self._form, self._viewer = panel, form, viewer
        self.running: RunningTask | None = None
        self._title = ""
        form.diagnose_button.clicked.connect(self.start)
        form.progress.cancel_clicked.connect(self.cancel)
        form.diagnosis.use_clicked.connect(form.models.choose)
        form.layer_combo.layer_changed.connect(self.forget)
        form.axes_row.changed.connect(self.forget)

    def start(self) -> None:
        """Look at the plane that is shown."""
        from napari_restoration.tasks.diagnose import iter_diagnose

        form, layer = self._form, self._form.layer_combo.layer
        if self.running is not None:
            return
        form.diagnosis.clear()
        form.message.clear()
        try:
            if layer is None:
                raise InputError("There is no image to diagnose: open one first.")
            if layer.rgb:
                raise InputError(
                    f"{layer.name!r} is in colour, which is not diagnosed: right-click it in the layer list, choose "
                    "Split RGB, and look at one of the colours."
                )
            image = layer_to_image(layer, form.axes_row.override)
            at = shown_index(self._viewer, layer, image.axes)
        except RestorationError as error:
            form.message.show_text(str(error), "error")
            return
        self._title = _title(layer.name, at)
        form.set_running(True)
        form.progress.start("Looking at the plane")
        self.running = start_task(
            iter_diagnose(image, at=at),
            self._panel,
            on_report=self._on_reports,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    def cancel(self) -> None:
        """Stop as soon as possible; nothing is shown then."""
        if self.running is not None:
            self.running.cancel()

    def forget(self) -> None:
        """Show nothing of an image that is no longer chosen."""
        self.cancel()
        self._form.diagnosis.clear()

    def _on_reports(self, reports: list[Progress]) -> None:
        self._form.progress.announce(reports[-1].message)

    def _on_done(self, diagnosis: Diagnosis) -> None:
        if self.running is not None and not self.running.is_cancelled:
            self._form.diagnosis.show_diagnosis(diagnosis, self._title)

    def _on_error(self, error: BaseException) -> None:
        self._form.message.show_text(error_words(error, "Looking at the plane"), "error")

    def _on_cancel(self) -> None:
        pass  # nothing has begun that would be left half done

    def _on_finished(self) -> None:
        self.running = None
        self._form.progress.finish()
        self._form.set_running(False)


def _title(name: str, at: dict[str, int]) -> str:
    where = ", ".join(f"{axis} = {index}" for axis, index in at.items())
    return f"{name}, plane {where}:" if where else f"{name}:"


def _mark(finding: Finding) -> QLabel:
    letter, colour = _MARKS[finding.severity]
    mark = QLabel(letter)
    mark.setAccessibleName(finding.severity)
    mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
    mark.setFixedSize(QSize(_MARK_PX, _MARK_PX))
    mark.setStyleSheet(
        f"QLabel {{ background-color: {colour}; color: white; border-radius: {_MARK_PX // 2}px; font-weight: 700; "
        "font-size: 11px; padding: 0px; }"
    )
    return mark


def _wrapped(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def _grid(parent: QWidget) -> QGridLayout:
    grid = QGridLayout(parent)
    grid.setContentsMargins(5, 0, 0, 0)  # in line with the other texts, which the theme indents
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(5)
    grid.setColumnStretch(1, 1)
    return grid
