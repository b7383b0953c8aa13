"""A line of text in the panel: what was done, what to know, what to change."""

from __future__ import annotations

import re
from typing import Literal

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

Kind = Literal["info", "warning", "error"]

_OPTION = re.compile(r" \(--[a-z-]+\)")
# A coloured edge reads well in the dark and in the light theme; coloured text would not in both.
_EDGES = {"info": "#4c8bd6", "warning": "#d9a018", "error": "#d64545"}


class Message(QLabel):
    """Wrapped text with a coloured edge; hidden while empty.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind: Kind = "info"
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)  # names of layers and files are no markup
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.hide()

    def show_text(self, text: str, kind: Kind = "info") -> None:
        """Show a text; an empty one hides the message.

        Parameters
        ----------
        text : str
            One or more sentences.
        kind : "info", "warning" or "error"
            The colour of the edge.
        """
        self.kind = kind
        self.setText(text)
        self.setStyleSheet(
            f"QLabel {{ border: none; border-left: 3px solid {_EDGES[kind]}; padding: 2px 2px 2px 8px; }}"
        )
        self.setVisible(bool(text))

    def clear(self) -> None:
        """Hide the message."""
        self.show_text("")


def in_panel_words(text: str) -> str:
    """The engine's words without the options of the command line, which they name in brackets."""
    return _OPTION.sub("", text)


def small_text(parent: QWidget | None = None) -> QLabel:
    """A wrapped, slightly faint line that explains the control above it."""
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.setProperty("small", True)  # the panel's style sheet gives it its colour
    return label
