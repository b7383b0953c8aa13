"""A line for a number that the user may know."""

from __future__ import annotations

import math

from qtpy.QtWidgets import QLineEdit, QWidget

from napari_restoration.core.errors import InputError

_ESTIMATED = "estimated"


class KnownNumber(QLineEdit):
    """A number that may be left empty.

    Parameters
    ----------
    tooltip : str
        What it is.
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(_ESTIMATED)
        self.setToolTip(f"{tooltip} Left empty, it is estimated.")

    def value(self, what: str) -> float | None:
        """The number; ``None`` if the line is empty.

        Raises
        ------
        InputError
            If it is no number.
        """
        text = self.text().strip()
        if not text:
            return None
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            raise InputError(f"{what} is {text!r}: type a number such as 100, or leave it empty.") from None
        if not math.isfinite(number):
            raise InputError(f"{what} is {text!r}: type a number such as 100, or leave it empty.")
        return number
