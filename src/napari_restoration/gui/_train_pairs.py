"""The choice of pairs among open layers: one line a pair, filled by hand or by the layers' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._layer_choice import LayerChoice
from napari_restoration.gui._layers import guess_layer_axes, is_restorable, layer_to_image
from napari_restoration.gui._message import small_text
from napari_restoration.gui._quantity_field import side_button

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

_NO_LAYERS = (
    "There is no pair to learn from: open a bad and a good image of the same place, or choose a folder."
)


class PairsTable(QWidget):
    """Lines of an input layer and a target layer.

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
        self._viewer = viewer
        self.rows: list[PairRow] = []
        self._is_touched = False
        self.words = small_text()
        self.add_button = QPushButton("Add pair")
        self.add_button.setToolTip("Add a line for another input and its target.")
        self.match_button = QPushButton("Match by name")
        self.match_button.setToolTip(
            "Fill the lines with layers whose names go together, such as a noisy and a clean one."
        )
        self._lay_out()
        self.add_row()
        self.add_button.clicked.connect(self._on_add)
        self.match_button.clicked.connect(self.match_by_name)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.renamed):
            event.connect(self._propose)
        self._propose()

    def add_row(self) -> PairRow:
        """Add a line, with layers that no line has yet."""
        used = [layer for row in self.rows for layer in row.layers]
        free = [layer for layer in self._offered() if layer not in used]
        row = PairRow(self._viewer)
        for choice, layer in zip((row.given, row.target), free, strict=False):
            choice.choose(layer)
        row.changed.connect(self._on_changed)
        row.edited.connect(self._on_edited)
        row.removed.connect(self._on_removed)
        self.rows.append(row)
        self._lines.addWidget(row)
        self._on_changed()
        return row

    def remove_row(self, row: PairRow) -> None:
        """Remove a line; the last one stays."""
        if row not in self.rows or len(self.rows) == 1:
            return
        self.rows.remove(row)
        row.let_go(self._viewer)
        self._lines.removeWidget(row)
        row.hide()  # it is deleted only when Qt comes to it
        row.deleteLater()
        self._on_changed()

    def match_by_name(self) -> None:
        """Fill the lines with layers whose names go together; without any, nothing is changed."""
        from napari_restoration.tasks.train_order import match_names_of_layers

        layers = {layer.name: layer for layer in self._offered()}
        pairs = match_names_of_layers(list(layers))
        self._is_touched = True
        if not pairs:
            self._say(
                "No names go together: let them differ by a word such as noisy and clean, or low and high."
            )
            return
        for row in self.rows[len(pairs) :]:
            self.remove_row(row)
        for number, (given, target) in enumerate(pairs):
            row = self.rows[number] if number < len(self.rows) else self.add_row()
            row.given.choose(layers[given])
            row.target.choose(layers[target])
        self._say(f"{len(pairs)} pair{'s' if len(pairs) > 1 else ''} by name.")

    def choose_input(self, layer: Any) -> None:
        """Take a layer into the first line: with what it goes with by name, else as the input."""
        from napari_restoration.tasks.train_order import match_names_of_layers

        self._is_touched = True
        layers = {one.name: one for one in self._offered()}
        row = self.rows[0]
        for given, target in match_names_of_layers(list(layers)):
            if layer.name in (given, target):
                row.given.choose(layers[given])
                row.target.choose(layers[target])
                return
        row.given.choose(layer)
        if row.target.layer is row.given.layer:
            row.target.choose(next((one for one in layers.values() if one is not row.given.layer), None))

    def layers(self) -> list[tuple[Image, Image]]:
        """Input and target of each line.

        Raises
        ------
        InputError
            If a line lacks one, has the same layer twice, or is there twice.
        """
        found: list[tuple[Image, Image]] = []
        for row in self.rows:
            given, target = row.layers
            if given is None or target is None:
                raise InputError(_NO_LAYERS)
            if given is target:
                raise InputError(
                    f"{given.name!r} is both input and target of a pair: choose the good image of the same place as "
                    "target."
                )
            if any(given is one for one, _ in found):
                raise InputError(f"{given.name!r} is the input of two pairs: remove one of the lines.")
            found.append((given, target))
        return found

    def images(self) -> tuple[tuple[CalibratedImage, CalibratedImage], ...]:
        """The pairs with axes and calibration; no pixel is read. Raises as `layers`."""
        return tuple((_image(given), _image(target)) for given, target in self.layers())

    def _offered(self) -> list[Image]:
        return [layer for layer in self._viewer.layers if is_restorable(layer)]

    def _propose(self, event: Any = None) -> None:
        """Until the person chooses: the first layers whose names go together, else the first two."""
        from napari_restoration.tasks.train_order import match_names_of_layers

        layers = {layer.name: layer for layer in self._offered()}
        if self._is_touched or len(layers) < 2:
            return
        first = next(iter(match_names_of_layers(list(layers))), tuple(layers)[:2])
        for choice, name in zip((self.rows[0].given, self.rows[0].target), first, strict=True):
            choice.choose(layers[name])

    def _on_add(self) -> None:
        self._is_touched = True
        self.add_row()

    def _on_edited(self) -> None:
        self._is_touched = True

    def _on_removed(self) -> None:
        row = self.sender()
        if isinstance(row, PairRow):
            self.remove_row(row)

    def _say(self, words: str) -> None:
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def _on_changed(self) -> None:
        self._say("")
        for row in self.rows:
            row.remove_button.setEnabled(len(self.rows) > 1)
        self.changed.emit()

    def _lay_out(self) -> None:
        heads = QGridLayout()
        heads.setContentsMargins(0, 0, 0, 0)
        for column, words in enumerate(("Input (bad)", "Target (good)")):
            label = small_text()
            label.setText(words)
            heads.addWidget(label, 0, column)
            heads.setColumnStretch(column, 1)
        heads.setColumnMinimumWidth(2, 24)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.match_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(heads)
        layout.addLayout(self._lines)
        layout.addLayout(buttons)
        layout.addWidget(self.words)
        self.words.hide()


class PairRow(QWidget):
    """One line of the table."""

    changed = Signal()
    edited = Signal()
    """The person chose a layer."""
    removed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.given, self.target = LayerChoice(viewer), LayerChoice(viewer)
        self.given.setToolTip("The image as your microscope delivers it; a stack gives all of its planes.")
        self.target.setToolTip("The good image of the same place, with as many planes.")
        self.remove_button = side_button("×", "Remove this pair; the layers stay.")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(self.given, 1)
        line.addWidget(self.target, 1)
        line.addWidget(self.remove_button)
        for choice in (self.given, self.target):
            choice.layer_changed.connect(self.changed)
            choice.activated.connect(self.edited)
        self.remove_button.clicked.connect(self.removed)

    @property
    def layers(self) -> tuple[Image | None, Image | None]:
        """Input and target, as far as there are any."""
        return self.given.layer, self.target.layer

    def let_go(self, viewer: ViewerModel) -> None:
        """Follow the viewer no longer: a line that Qt has deleted must not be called."""
        events = viewer.layers.events
        for choice in (self.given, self.target):
            for event in (events.inserted, events.removed, events.reordered, events.renamed):
                event.disconnect(choice.refresh)


def _image(layer: Image) -> CalibratedImage:
    return layer_to_image(layer, guess_layer_axes(layer))
