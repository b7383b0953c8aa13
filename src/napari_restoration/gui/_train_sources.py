"""What a training learns from: pairs of open layers, a folder of pairs, or good images alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_restoration.gui._pairs_panel import FolderField
from napari_restoration.gui._step_combo import NarrowCombo
from napari_restoration.gui._train_good import GoodImages
from napari_restoration.gui._train_pairs import PairsTable
from napari_restoration.gui._train_runs import TrainSource

if TYPE_CHECKING:
    from napari.components import ViewerModel

_KINDS = {
    "layers": ("Pairs of open layers", "Bad images with good ones of the same place, both open in napari."),
    "folder": ("Folder of pairs", "Files of the same name in the folders input and target."),
    "good": ("Good images only", "Good images, from which the steps of Degrade make the bad ones."),
}


class TrainSources(QWidget):
    """A list of three kinds, and below it what the chosen one needs.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = NarrowCombo()
        for name, (words, sentence) in _KINDS.items():
            self.kind.add(words, name, sentence)
        self.pairs = PairsTable(viewer)
        self.folder = FolderField("Folder with input and target in it")
        self.good = GoodImages(viewer)
        self.form = QFormLayout()
        self.form.addRow("Learn from", self.kind)
        self.form.addRow("Folder", self.folder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self.form)
        layout.addWidget(self.pairs)
        layout.addWidget(self.good)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.folder.line.textChanged.connect(self.changed)
        self.pairs.changed.connect(self.changed)
        self.good.changed.connect(self.changed)
        self._on_kind()

    @property
    def is_good(self) -> bool:
        """Whether there are good images only."""
        return bool(self.kind.currentData() == "good")

    def choose(self, kind: str) -> None:
        """Choose a kind: ``"layers"``, ``"folder"`` or ``"good"``."""
        index = self.kind.findData(kind)
        if index >= 0:
            self.kind.setCurrentIndex(index)

    def value(self, validation: Path | None) -> TrainSource:
        """What is learned from; no pixel is read.

        Raises
        ------
        InputError
            If a layer or folder is missing or chosen twice.
        """
        kind = self.kind.currentData()
        if kind == "layers":
            return TrainSource(pairs=self.pairs.images(), validation=validation)
        if kind == "folder":
            folder = self.folder.value(
                "There is no folder of pairs: choose the one that holds input and target."
            )
            return TrainSource(folder=folder, validation=validation)
        if self.good.is_of_files:
            folder = self.good.folder.value("There is no folder of good images: choose one.")
            return TrainSource(folder=folder, validation=validation, is_clean=True)
        return TrainSource(images=self.good.images(), validation=validation, is_clean=True)

    def name(self) -> str:
        """What the images are called, for the name of a model; empty if there are none yet."""
        kind = self.kind.currentData()
        if kind == "layers":
            given = self.pairs.rows[0].given.layer
            return "" if given is None else str(given.name)
        if kind == "good" and not self.good.is_of_files:
            ticked = self.good.ticked()
            return str(ticked[0].name) if ticked else ""
        field = self.folder if kind == "folder" else self.good.folder
        return Path(field.line.text().strip()).name

    def choices(self) -> dict[str, Any]:
        """What is remembered; layers belong to one session."""
        return {
            "kind": self.kind.currentData(),
            "folder": self.folder.line.text(),
            "good": self.good.choices(),
        }

    def restore(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices as far as they are valid."""
        self.choose(str(choices.get("kind")))
        self.folder.line.setText(str(choices.get("folder") or ""))
        if isinstance(good := choices.get("good"), dict):
            self.good.restore(good)

    def _on_kind(self) -> None:
        kind = self.kind.currentData()
        self.kind.setToolTip(_KINDS[kind][1])
        self.pairs.setVisible(kind == "layers")
        self.form.setRowVisible(self.folder, kind == "folder")
        self.good.setVisible(kind == "good")
        self.changed.emit()
