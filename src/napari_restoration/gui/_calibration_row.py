"""Pixel size and distance of planes of the chosen image: read from the layer, or typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLineEdit, QWidget

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._message import small_text
from napari_restoration.gui._quantity_field import keep_wheel_for_scrolling

_LENGTH = re.compile(r"([0-9]*[.,]?[0-9]+(?:e[+-]?[0-9]+)?)\s*(nm|µm|μm|um|mm)?", re.IGNORECASE)
_TO_UM = {"nm": 1e-3, "mm": 1e3}
_SAME_WITHIN = 1e-3
_MISSING = "QLineEdit { border: 1px solid #d9a018; }"
_VOLUME = {
    None: ("Automatic", "In 3D where the planes' distance is known and no step has a defocus of its own."),
    True: ("In 3D", "Light of each plane also reaches the planes around it."),
    False: ("Plane by plane", "Each plane is blurred for itself."),
}


class CalibrationRow(QWidget):
    """The pixel size that optics needs. Nothing is guessed: what the layer does not tell has to be typed.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pixel = LengthField("Side of a pixel. Blur is given in micrometres and needs it.")
        self.z_step = LengthField("Distance from plane to plane. Blur in 3D needs it.")
        self.volume = QComboBox()
        keep_wheel_for_scrolling(self.volume)
        for value, (words, sentence) in _VOLUME.items():
            self.volume.addItem(words, value)
            self.volume.setItemData(self.volume.count() - 1, sentence, 3)  # Qt.ItemDataRole.ToolTipRole
        form = QFormLayout(self)
        form.addRow("Pixel size", self.pixel)
        form.addRow("Z step", self.z_step)
        form.addRow("Blur", self.volume)
        self.form = form
        self._has_planes = False
        self.show_image(None)
        for part in (self.pixel, self.z_step):
            part.changed.connect(self.changed)
        self.volume.currentIndexChanged.connect(self._on_volume)

    def show_image(self, image: CalibratedImage | None) -> None:
        """Show what an image tells of its calibration; what was typed stays until `forget`."""
        sizes: Mapping[str, float] = {} if image is None else image.pixel_size_um
        known = [sizes[axis] for axis in "YX" if axis in sizes]
        is_square = bool(known) and max(known) - min(known) <= _SAME_WITHIN * max(known)
        self.pixel.show_known(known[-1] if is_square else None, known)
        self.z_step.show_known(sizes.get("Z"))
        self._has_planes = image is not None and image.size_of("Z") > 1
        for part in (self.z_step, self.volume):
            self.form.setRowVisible(part, self._has_planes)

    def forget(self) -> None:
        """Forget what was typed for another image."""
        for part in (self.pixel, self.z_step):
            part.forget()

    def mark(self, *, needs_pixel_size: bool, needs_z_step: bool) -> None:
        """Mark the fields that have to be filled in."""
        self.pixel.mark(needs_pixel_size)
        self.z_step.mark(needs_z_step)

    @property
    def is_marked(self) -> bool:
        """Whether a field has to be filled in."""
        return self.pixel.is_missing or self.z_step.is_missing

    def value(self) -> dict[str, Any]:
        """What replaces the image's own calibration, as keyword arguments of the settings.

        Raises
        ------
        InputError
            If what is typed is no length.
        """
        return {
            "pixel_size_um": self.pixel.value(),
            "z_step_um": self.z_step.value() if self._has_planes else None,
            "volume": self.volume.currentData() if self._has_planes else None,
        }

    def _on_volume(self) -> None:
        self.volume.setToolTip(_VOLUME[self.volume.currentData()][1])
        self.changed.emit()


class LengthField(QWidget):
    """A length in µm with a word on where it comes from. An empty line stands for the layer's own.

    Parameters
    ----------
    tooltip : str
        What the length is.
    parent : QWidget, optional
        The row.
    """

    changed = Signal()

    def __init__(self, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known: float | None = None
        self._unequal: tuple[float, ...] = ()
        self.is_missing = False
        """Whether it has to be filled in."""
        self._is_edited = False
        self.edit = QLineEdit()
        self.edit.setToolTip(f"{tooltip} Empty it to take the layer's own; nm and mm may be typed too.")
        self.edit.setFixedWidth(88)
        self.words = small_text()
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self.edit)
        line.addWidget(self.words, 1)
        self.edit.textEdited.connect(self._on_edited)
        self.edit.editingFinished.connect(self._on_left)

    def show_known(self, length_um: float | None, unequal: list[float] | None = None) -> None:
        """Show the layer's own length, or several that should be one."""
        self._known = length_um
        self._unequal = tuple(unequal or ()) if length_um is None else ()
        if not self._is_edited:
            self.edit.setText("" if length_um is None else _in_um(length_um))
        self._show_words()

    def forget(self) -> None:
        """Take the layer's own length again."""
        self._is_edited = False

    def mark(self, is_missing: bool) -> None:
        """Mark the field as one to fill in."""
        self.is_missing = is_missing
        self.edit.setStyleSheet(_MISSING if is_missing else "")
        self._show_words()

    def value(self) -> float | None:
        """The length in um that was typed; ``None`` if the layer's own is taken.

        Raises
        ------
        InputError
            If it is no length.
        """
        text = self.edit.text().strip()
        if not self._is_edited or not text:
            return None
        match = _LENGTH.fullmatch(text)
        if match is None or not float(match[1].replace(",", ".")) > 0:
            raise InputError(f"{text!r} is no length: type one in micrometres, such as 0.1 µm, or 100 nm.")
        return float(match[1].replace(",", ".")) * _TO_UM.get((match[2] or "").lower(), 1.0)

    def _on_edited(self) -> None:
        self._is_edited = True
        self._show_words()
        self.changed.emit()

    def _on_left(self) -> None:
        """Write a length that was typed in full, and the layer's own into an empty line."""
        try:
            typed = self.value()
        except InputError:
            return
        if typed is None:
            self._is_edited = False
        shown = self._known if typed is None else typed
        self.edit.setText("" if shown is None else _in_um(shown))
        self._show_words()

    def _show_words(self) -> None:
        if self._is_edited and self.edit.text().strip():
            words = "typed" if self._known is None else f"typed; the layer says {_in_um(self._known)}"
        elif self._known is not None:
            words = "from the layer"
        elif self._unequal:
            words = " × ".join(f"{one:.4g}" for one in self._unequal) + " µm in the layer: not square"
        else:
            words = "not known: please type it" if self.is_missing else "not known"
        self.words.setText(words)


def _in_um(length_um: float) -> str:
    return f"{length_um:.8g} µm"
