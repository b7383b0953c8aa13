"""What is wrong with training pairs, errors first, with what to do and a button that has it done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from napari_restoration.gui._train_runs import Fix
    from napari_restoration.tasks.pair_doctor import PairFinding, PairReport

# Letter and ground of a mark: white on these reads well in the dark and in the light theme.
_MARKS = {"error": ("!", "#c93c3c"), "warning": ("!", "#a87a12"), "note": ("i", "#4c6fb5")}
_MARK_PX = 16
_BUTTONS = {
    "leave_out": ("Leave out", "Do not train on this pair."),
    "crop": ("Crop", "Cut both images to their common size."),
    "fill": ("Fill", "Fill missing pixels from their neighbours."),
    "swap": ("Swap", "Exchange input and target."),
    "register": ("Align", "Move the target onto the input."),
    "fit": ("Fit", "Map the target's grey levels to those of the input."),
}
_MOST_SHOWN = 60  # more lines help nobody, and each costs time to lay out


class DoctorTable(QWidget):
    """Findings with a mark, the pair, what was found, and advice; hidden while there is nothing to tell.

    Fixes are chosen here and made in copies when training starts.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()
    """A fix was chosen or taken back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.report: PairReport | None = None
        """What is shown."""
        self.fixes: frozenset[Fix] = frozenset()
        """What is to be fixed."""
        self.buttons: dict[Fix, QPushButton] = {}
        self.title = QLabel()
        self.title.setStyleSheet("QLabel { font-weight: 600; }")
        self.fix_all_button = QPushButton("Fix all")
        self.fix_all_button.setToolTip(
            "Choose every fix below; they are made in copies when training starts."
        )
        self.fix_all_button.clicked.connect(self.fix_all)
        self.words = small_text()
        self._rows = QWidget()
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(5, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.fix_all_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(head)
        layout.addWidget(self._rows)
        layout.addWidget(self.words)
        self.hide()

    def show_report(self, report: PairReport) -> None:
        """Show findings in place of earlier ones; what was chosen to be fixed stays chosen."""
        chosen = self.fixes
        self.clear()
        self.report = report
        findings = report.findings
        self.fixes = chosen & {_key(one) for one in findings if one.fix is not None}
        if not findings:
            return
        self.title.setText(_counted(findings))
        for row, finding in enumerate(findings[:_MOST_SHOWN]):
            self._add(row, finding)
        self._show_state()
        self.show()

    def clear(self) -> None:
        """Show nothing and fix nothing."""
        self.report, self.fixes, self.buttons = None, frozenset(), {}
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # it is deleted only when Qt comes to it
                widget.deleteLater()
        self.hide()

    def fix_all(self) -> None:
        """Choose every fix there is."""
        if self.report is not None:
            self._choose({_key(one) for one in self.report.findings if one.fix is not None}, is_on=True)

    def rows(self) -> list[tuple[str, str, str]]:
        """Pair, what was found, and advice of each line that is shown."""
        return [
            (one.pair, one.words, one.advice)
            for one in (self.report.findings[:_MOST_SHOWN] if self.report is not None else ())
        ]

    def _add(self, row: int, finding: PairFinding) -> None:
        text = QWidget()
        lines = QVBoxLayout(text)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(1)
        if finding.pair:
            name = _wrapped(finding.pair)
            name.setStyleSheet("QLabel { font-weight: 600; }")
            lines.addWidget(name)
        lines.addWidget(_wrapped(finding.words))
        advice = small_text()
        advice.setText(finding.advice)
        lines.addWidget(advice)
        self._grid.addWidget(_mark(finding.severity), row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(text, row, 1)
        if finding.fix is not None:
            key = _key(finding)
            if key not in self.buttons:
                self.buttons[key] = self._button(finding)
                self._grid.addWidget(self.buttons[key], row, 2, Qt.AlignmentFlag.AlignTop)

    def _button(self, finding: PairFinding) -> QPushButton:
        words, sentence = _BUTTONS[str(finding.fix)]
        button = QPushButton(words)
        button.setCheckable(True)
        button.setToolTip(f"{sentence} It is done in a copy when training starts.")
        key = _key(finding)
        button.clicked.connect(lambda is_on: self._choose({key}, is_on=is_on))
        button.setProperty("words", words)
        return button

    def _choose(self, keys: set[Fix], *, is_on: bool) -> None:
        self.fixes = self.fixes | keys if is_on else self.fixes - keys
        self._show_state()
        self.changed.emit()

    def _show_state(self) -> None:
        if self.report is None:
            return
        for key, button in self.buttons.items():
            button.setChecked(key in self.fixes)
            words = str(button.property("words"))
            button.setText(f"✓ {words}" if key in self.fixes else words)
        can = {_key(one) for one in self.report.findings if one.fix is not None}
        self.fix_all_button.setVisible(bool(can))
        self.fix_all_button.setEnabled(not can <= self.fixes)
        more = len(self.report.findings) - _MOST_SHOWN
        words = f"And {more} more, which Fix all covers too. " if more > 0 else ""
        if self.fixes:
            words += "Fixes are made in copies when training starts; your images stay as they are."
        self.words.setText(words)
        self.words.setVisible(bool(words))


def _key(finding: PairFinding) -> Fix:
    return finding.pair, finding.kind


def _counted(findings: Sequence[PairFinding]) -> str:
    """Such as ``"2 errors, 1 warning"``."""
    counts = {kind: sum(one.severity == kind for one in findings) for kind in ("error", "warning", "note")}
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items() if count)


def _mark(severity: str) -> QLabel:
    letter, colour = _MARKS[severity]
    mark = QLabel(letter)
    mark.setAccessibleName(severity)
    mark.setToolTip(severity.capitalize())
    mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
    mark.setFixedSize(QSize(_MARK_PX, _MARK_PX))
    mark.setStyleSheet(
        f"QLabel {{ background-color: {colour}; color: white; border-radius: {_MARK_PX // 2}px; font-weight: 700; "
        "font-size: 11px; padding: 0px; }"
    )
    return mark


def _wrapped(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label
