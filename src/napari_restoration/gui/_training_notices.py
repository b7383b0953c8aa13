"""What a training has to tell: the latest in sight, all of it one click away."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.gui._message import Message, in_panel_words

_SHOWN = 2


class NoticeList(QWidget):
    """The last two notices, and above them a heading that opens the earlier ones; hidden while there is none.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notices: list[str] = []
        """All of them, in order, each once."""
        self.latest = Message()
        self.earlier = QLabel()
        self.earlier.setWordWrap(True)
        self.earlier.setTextFormat(Qt.TextFormat.PlainText)
        self.earlier.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.earlier.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.earlier_section = Collapsible("", self.earlier)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.earlier_section)
        layout.addWidget(self.latest)
        self.clear()

    def add(self, text: str) -> None:
        """Show one more; what was said before comes last again, but once."""
        text = in_panel_words(text)
        self.notices = [one for one in self.notices if one != text] + [text]
        self._show()

    def clear(self) -> None:
        """Forget all."""
        self.notices = []
        self.earlier_section.set_open(False)
        self._show()

    def _show(self) -> None:
        hidden = self.notices[:-_SHOWN]
        self.latest.show_text("\n".join(self.notices[-_SHOWN:]), "warning")
        self.earlier.setText("\n".join(hidden))
        self.earlier_section.heading.setText(f"{len(hidden)} earlier notice{'s' if len(hidden) > 1 else ''}")
        self.earlier_section.setVisible(bool(hidden))
        self.setVisible(bool(self.notices))
