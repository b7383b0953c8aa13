"""Choices for writing training pairs: of which images, where to, how many and how hard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_restoration.core.errors import InputError
from napari_restoration.gui._message import small_text
from napari_restoration.gui._quantity_field import keep_wheel_for_scrolling, side_button

if TYPE_CHECKING:
    from napari_restoration.degradations.presets import Preset

_SOURCES = {
    "layer": ("This image", "The image chosen above."),
    "layers": ("All visible images", "Each visible image layer that is not a degraded one."),
    "folder": ("Files of a folder", "Each image file of a folder, one after the other."),
}
_LEVELS = ("mild", "medium", "hard")
_NO_LEVELS = "This preset has no levels: pairs are drawn from the ranges of its steps."
_LEVEL_HELP = {
    "mild": "Settings close to a good image.",
    "medium": "Settings of an ordinary image.",
    "hard": "Settings of an image that is hard to restore.",
}


class PairsPanel(QWidget):
    """What *Write pairs* needs to know.

    Parameters
    ----------
    parent : QWidget, optional
        The section.
    """

    write_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = QComboBox()
        for name, (words, sentence) in _SOURCES.items():
            self.source.addItem(words, name)
            self.source.setItemData(self.source.count() - 1, sentence, 3)  # Qt.ItemDataRole.ToolTipRole
        self.source_folder = FolderField("Folder of good images")
        self.folder = FolderField("Folder for the pairs")
        self.count = _spin_box(4, 1, 100_000, "Pairs of each image at each level, each drawn anew.")
        self.level_boxes = {name: QCheckBox(name.capitalize()) for name in _LEVELS}
        self.level_words = small_text()
        self.patch_box = QCheckBox()
        self.patch_box.setToolTip("Cut a random square out of each copy instead of keeping it whole.")
        self.patch = _spin_box(256, 16, 65_536, "Side of the cut-outs in pixels of the good image.")
        self.patch.setSuffix(" px")
        self.overwrite = QCheckBox("Replace pairs that are there")
        self.overwrite.setToolTip("Pairs of the same name are written anew; others stay.")
        self.write_button = QPushButton("Write pairs")
        self.write_button.setToolTip(
            "Write degraded copies into input/, their targets into target/, and every draw into pairs.json."
        )
        for part in (self.source, self.count, self.patch):
            keep_wheel_for_scrolling(part)
        self._had_levels: bool | None = None
        self._varies = True
        self._lay_out()
        self.source.currentIndexChanged.connect(self._show_source)
        for box in self.level_boxes.values():
            box.toggled.connect(self._show_level_words)
        self.patch_box.toggled.connect(self.patch.setEnabled)
        self.write_button.clicked.connect(self.write_clicked)
        self.patch.setEnabled(False)
        self._show_source()

    @property
    def is_of_files(self) -> bool:
        """Whether files are the source, not layers."""
        return bool(self.source.currentData() == "folder")

    @property
    def is_of_all_layers(self) -> bool:
        """Whether all visible images are the source."""
        return bool(self.source.currentData() == "layers")

    def show_preset(self, preset: Preset | None) -> None:
        """Offer the levels that the preset has."""
        levels = () if preset is None else tuple(preset.levels)
        for name, box in self.level_boxes.items():
            box.setEnabled(name in levels)
            box.setToolTip(_LEVEL_HELP[name] if name in levels else _NO_LEVELS)
            if bool(levels) != self._had_levels or name not in levels:
                box.setChecked(name in levels)
        self._had_levels = bool(levels)
        self._varies = preset is not None and any(one.enabled and one.ranges for one in preset.steps)
        self._show_level_words()

    def value(self) -> dict[str, Any]:
        """Count, levels and patch, as keyword arguments of the engine's settings."""
        return {
            "count": int(self.count.value()),
            "levels": tuple(name for name, box in self.level_boxes.items() if box.isChecked()),
            "patch": int(self.patch.value()) if self.patch_box.isChecked() else None,
        }

    def folders(self) -> tuple[Path | None, Path]:
        """Folder of the good images, if they are files, and folder of the pairs.

        Raises
        ------
        InputError
            If one is not chosen.
        """
        source = None
        if self.is_of_files:
            source = self.source_folder.value(
                "There is no folder of good images: choose one under Write pairs."
            )
        return source, self.folder.value("There is no folder for the pairs: choose one under Write pairs.")

    def choices(self) -> dict[str, Any]:
        """What is remembered."""
        return {
            "count": int(self.count.value()),
            "patch": int(self.patch.value()),
            "is_patch": self.patch_box.isChecked(),
            "folder": self.folder.line.text(),
            "source_folder": self.source_folder.line.text(),
        }

    def restore(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices as far as they are valid."""
        for name, box in (("count", self.count), ("patch", self.patch)):
            if isinstance(choices.get(name), int):
                box.setValue(choices[name])
        self.patch_box.setChecked(choices.get("is_patch") is True)
        for name, field in (("folder", self.folder), ("source_folder", self.source_folder)):
            if isinstance(choices.get(name), str):
                field.line.setText(choices[name])

    def _show_source(self) -> None:
        self.source.setToolTip(_SOURCES[self.source.currentData()][1])
        self.form.setRowVisible(self.source_folder, self.is_of_files)

    def _show_level_words(self) -> None:
        words = "" if self._had_levels else _NO_LEVELS
        if not any(box.isChecked() for box in self.level_boxes.values()):
            if not self._varies:
                words = f"{words} No step has a range, so copies differ by their noise alone.".strip()
            elif not words:
                words = "Without a level, pairs are drawn from the ranges of the steps."
        self.level_words.setText(words)
        self.level_words.setVisible(bool(words))

    def _lay_out(self) -> None:
        levels = QHBoxLayout()
        levels.setSpacing(10)
        for box in self.level_boxes.values():
            levels.addWidget(box)
        levels.addStretch(1)
        patch = QHBoxLayout()
        patch.setSpacing(6)
        patch.addWidget(self.patch_box)
        patch.addWidget(self.patch, 1)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(5)
        form.addRow("Good images", self.source)
        form.addRow("From", self.source_folder)
        form.addRow("Into", self.folder)
        form.addRow("Copies", self.count)
        form.addRow("Levels", levels)
        form.addRow("", self.level_words)
        form.addRow("Cut-outs", patch)
        form.addRow("", self.overwrite)
        form.addRow(self.write_button)
        self.form = form


class FolderField(QWidget):
    """The name of a folder, typed or looked for.

    Parameters
    ----------
    title : str
        What the folder is for.
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self.line = QLineEdit()
        self.line.setPlaceholderText("Choose a folder")
        self.line.setToolTip(f"{title}.")
        self.browse_button = side_button("…", "Look for the folder.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.line, 1)
        row.addWidget(self.browse_button)
        self.browse_button.clicked.connect(self._on_browse)

    def value(self, if_missing: str) -> Path:
        """The folder, with its whole path, so that messages say where a short one leads.

        Raises
        ------
        InputError
            With the words given, if there is none.
        """
        text = self.line.text().strip()
        if not text:
            raise InputError(if_missing)
        return Path(text).expanduser().absolute()

    def ask_for_folder(self) -> str:
        """Let the person look for a folder; empty if none was chosen."""
        return str(QFileDialog.getExistingDirectory(self, self._title, self.line.text()))

    def _on_browse(self) -> None:
        folder = self.ask_for_folder()
        if folder:
            self.line.setText(folder)


def _spin_box(value: int, low: int, high: int, tooltip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setToolTip(tooltip)
    return box
