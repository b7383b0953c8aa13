"""The mouse wheel over a control in a panel that scrolls."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QWidget


def keep_wheel_for_scrolling(widget: QWidget) -> None:
    """Turning the wheel over a control that is not being edited scrolls the panel and changes nothing.

    Parameters
    ----------
    widget : QWidget
        A number, a list or another control that the wheel would change.
    """
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelFilter(widget))


class _WheelFilter(QObject):
    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        is_wheel = event is not None and event.type() == QEvent.Type.Wheel
        if event is None or not is_wheel or not isinstance(watched, QWidget) or watched.hasFocus():
            return False
        event.ignore()
        return True
