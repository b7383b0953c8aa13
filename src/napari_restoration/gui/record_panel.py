"""How the selected layer was made: its record in words, a methods paragraph, and the command that makes it again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

# napari looks the annotations below up by their full names; its submodules are loaded when it does.
import napari
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog, QFormLayout, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.files import safe_file_name, write_bytes_atomically
from napari_restoration.core.provenance import to_json
from napari_restoration.gui._layers import METADATA_KEY
from napari_restoration.gui._look import scrolled, small_text_style
from napari_restoration.gui._message import Message, small_text
from napari_restoration.tasks.record_words import describe_record, is_whole, methods_paragraph, replay_command

if TYPE_CHECKING:
    from napari.layers import Layer

_READABLE = (".tif", ".tiff", ".zarr", ".png")
_NOTHING = "Select a layer that was restored or degraded: this panel then says how it was made."
_WIDTH = 320
_HASH = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")


class RecordPanel(QWidget):
    """Shows the record of the active layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose selection it follows.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.record: Mapping[str, Any] | None = None
        """The record that is shown; none if there is no whole one."""
        self._path: Path | None = None
        self.title = QLabel()
        self.title.setStyleSheet("QLabel { font-weight: 600; }")
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        self.message = Message()
        self._rows = QWidget()
        self._form = QFormLayout(self._rows)
        self.methods_button = QPushButton("Copy methods paragraph")
        self.methods_button.setToolTip(
            "Copy a paragraph for a paper: model, weights, settings, versions, citation."
        )
        self.copy_button = QPushButton("Copy JSON")
        self.copy_button.setToolTip("Copy the whole record.")
        self.save_button = QPushButton("Save JSON…")
        self.save_button.setToolTip(
            "Save the whole record into a file, from which the result can be made again."
        )
        self.replay_button = QPushButton("Copy replay command")
        self.replay_button.setToolTip(
            "Copy the command line that makes this result again and compares it; of a layer without a file of its own "
            "the record is saved first."
        )
        self._buttons = (self.methods_button, self.copy_button, self.save_button, self.replay_button)
        self._lay_out()
        self._connect()
        self._follow_theme()
        self.show_active()

    def show_active(self, event: Any = None) -> None:
        """Show the record of the active layer."""
        layer = self._viewer.layers.selection.active
        found, self._path = (None, None) if layer is None else _record_of(layer)
        self.record = found if found is not None and is_whole(found) else None
        self.message.clear()
        while self._form.rowCount():
            self._form.removeRow(0)
        self.title.setText("" if layer is None else layer.name)
        self.title.setVisible(layer is not None)
        if self.record is not None:
            try:
                self._fill(describe_record(self.record))
            except RestorationError as error:
                self.record = None
                self.message.show_text(str(error), "error")
        else:
            self.message.show_text(_why_nothing(layer, found))
        self._rows.setVisible(self.record is not None)
        for button in self._buttons:
            button.setEnabled(self.record is not None)

    def copy_methods(self) -> None:
        """Put the methods paragraph on the clipboard."""
        if self.record is not None:
            self._copy(methods_paragraph(self.record), "The methods paragraph was copied.")

    def copy_json(self) -> None:
        """Put the record on the clipboard."""
        if self.record is not None:
            self._copy(_as_json(self.record), "The record was copied.")

    def save_json(self) -> None:
        """Ask for a file and save the record there."""
        layer = self._viewer.layers.selection.active
        if self.record is None or layer is None:
            return
        start = f"{safe_file_name(layer.name)} record.json"
        chosen = str(QFileDialog.getSaveFileName(self, "Save the record", start, "*.json")[0])
        if not chosen:
            return
        path = Path(chosen if chosen.lower().endswith(".json") else f"{chosen}.json")
        try:
            write_bytes_atomically(path, _as_json(self.record).encode())
        except (RestorationError, OSError) as error:
            self.message.show_text(str(error), "error")
            return
        self._path = path
        self.message.show_text(f"The record was saved as {path}.")

    def copy_replay(self) -> None:
        """Put the command that makes the result again on the clipboard; a layer without a file is recorded first."""
        if self._path is None:
            self.save_json()
        if self.record is None or self._path is None:
            return
        output = self._path.parent / f"{_stem(self._path)} again.ome.tif"
        command = replay_command(self._path, output, self._input_file())
        self._copy(command, "The replay command was copied: paste it into a terminal.")

    def _input_file(self) -> Path | None:
        """The file of the input, if a layer in the viewer was read from it."""
        assert self.record is not None  # asked for by the buttons alone
        name = str(self.record["inputs"][0].get("name", ""))
        for layer in self._viewer.layers:
            if layer.name == name and layer.source.path:
                return Path(layer.source.path).resolve()
        return None

    def _copy(self, text: str, told: str) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
            self.message.show_text(told)

    def _fill(self, rows: list[tuple[str, str]]) -> None:
        for title, text in rows:
            label = small_text()
            # A hash is one long word that no panel is wide enough for.
            label.setText(_HASH.sub(r"\1…", text))
            label.setToolTip(text if _HASH.search(text) else "")
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._form.addRow(title, label)

    def _connect(self) -> None:
        self.methods_button.clicked.connect(self.copy_methods)
        self.copy_button.clicked.connect(self.copy_json)
        self.save_button.clicked.connect(self.save_json)
        self.replay_button.clicked.connect(self.copy_replay)
        self._viewer.layers.selection.events.active.connect(self.show_active)
        self._viewer.events.theme.connect(self._follow_theme)

    def _follow_theme(self, event: Any = None) -> None:
        self.setStyleSheet(small_text_style(self._viewer.theme))

    def _lay_out(self) -> None:
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(5)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignTop)
        content = QWidget()
        content.setMinimumWidth(_WIDTH)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        grid = QGridLayout()
        places = ((0, 0, 1, 2), (1, 0, 1, 1), (1, 1, 1, 1), (2, 0, 1, 2))
        for button, place in zip(self._buttons, places, strict=True):
            button.setMinimumHeight(28)
            grid.addWidget(button, *place)
        for part in (self.title, self._rows):
            layout.addWidget(part)
        layout.addLayout(grid)
        layout.addWidget(self.message)
        layout.addStretch()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolled(content))


def show_record(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Open the panel on the active layer."""
    open_record_panel(viewer)


def open_record_panel(viewer: napari.viewer.Viewer) -> RecordPanel:
    """The record panel of a viewer; the one that is open, else a new one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """
    # napari hands proxies over, which refuse to be connected to.
    viewer = getattr(viewer, "__wrapped__", viewer)
    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, RecordPanel):
            dock = widget.parentWidget()
            if dock is not None:
                dock.show()
                dock.raise_()
            return widget
    panel = RecordPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Record", area="right", tabify=True)
    return panel


def _record_of(layer: Layer) -> tuple[Mapping[str, Any] | None, Path | None]:
    """A layer's record, and the file that carries it, if one does."""
    found = layer.metadata.get(METADATA_KEY)
    if isinstance(found, Mapping):
        return found, None
    path = layer.source.path
    if not path or not str(path).lower().endswith(_READABLE):
        return None, None
    path = Path(path)
    try:
        text = _record_in_file(str(path), path.stat().st_mtime_ns)
    except OSError:
        return None, None  # moved since
    return (json.loads(text), path.resolve()) if text else (None, None)


@lru_cache(maxsize=32)
def _record_in_file(path: str, changed_ns: int) -> str:
    """The record that a file carries, as JSON; reads the headers only."""
    from napari_restoration.core.io import read_image

    try:
        found = read_image(path).metadata.get("provenance")
    except (RestorationError, OSError):
        return ""
    return to_json(found) if isinstance(found, Mapping) else ""


def _why_nothing(layer: Layer | None, found: Mapping[str, Any] | None) -> str:
    if layer is None:
        return _NOTHING
    if found is None:
        return "This layer carries no record: it was neither restored nor degraded here."
    if found.get("preview"):
        return "This is a preview of a part of one plane: restore the whole image for a record."
    return "This restoration is not finished, so there is no whole record of it."


def _as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(json.loads(to_json(record)), indent=1) + "\n"


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (".ome.tif", ".ome.tiff", ".ome.zarr", " record.json", path.suffix):
        if name.lower().endswith(suffix.lower()):
            return name[: len(name) - len(suffix)]
    return name
