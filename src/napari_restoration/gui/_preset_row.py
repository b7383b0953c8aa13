"""The choice of a preset for the steps editor, and the user's own presets: save, delete, revert."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QWidget,
)

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.gui._message import Message
from napari_restoration.gui._step_combo import NarrowCombo
from napari_restoration.gui._steps_editor import LABEL_WIDTH, StepsEditor

if TYPE_CHECKING:
    from napari_restoration.degradations.presets import Preset

Steps = tuple[list[dict[str, Any]], str]
"""Entries of the steps, and their order."""


class PresetRow(QWidget):
    """Fills the steps editor from a preset, and keeps edited steps as presets of the user's own.

    Edits are not lost by looking at another preset: they are there again, marked as changed, when one comes back.

    Parameters
    ----------
    editor : StepsEditor
        Where the steps of the chosen preset are shown and edited.
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()
    """Another preset was chosen, saved, deleted or reverted; edits of the steps are the editor's signal."""

    def __init__(self, editor: StepsEditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._presets: dict[str, Preset] = {}
        self._current = ""
        self._base: Preset | None = None  # what the edited steps began with, if it is not the chosen preset
        self._as_saved: Steps = ([], "")  # as the editor shows the preset without edits
        self._edits: dict[str, Steps] = {}  # of presets that were left with edits
        self.combo = NarrowCombo()
        self.changed_label = QLabel("(changed)")
        self.changed_label.setToolTip("The steps differ from those of the preset.")
        self.revert_button = _button("Revert", "Bring back the steps of the preset.")
        self.save_button = _button("Save…", "Keep these steps as a preset of your own.")
        self.delete_button = _button("Delete", "Remove this preset of your own.")
        self.message = Message()
        self._lay_out()
        self.combo.activated.connect(self._on_chosen)
        self.revert_button.clicked.connect(self.revert)
        self.save_button.clicked.connect(self.save)
        self.delete_button.clicked.connect(self.delete)
        editor.changed.connect(self._show_state)
        self.refresh()
        self._show_preset(next(iter(self._presets)))

    @property
    def current(self) -> str:
        """Id of the chosen preset."""
        return self._current

    @property
    def is_changed(self) -> bool:
        """Whether the steps differ from those of the chosen preset."""
        return (self._editor.value(), self._editor.order) != self._as_saved

    def value(self) -> Preset:
        """The chosen preset with the steps as they are edited.

        Raises
        ------
        InputError
            If a value is not allowed together with the others.
        """
        from napari_restoration.tasks.presets import with_steps

        base = self._base or self._presets[self._current]
        return with_steps(base, self._editor.value(), self._editor.order)  # type: ignore[arg-type]

    def set_value(self, preset: Preset) -> None:
        """Show a preset's steps; those of a preset that is not among the known ones count as edits of the chosen one.

        Its name and levels stand for those steps until another preset is chosen or the chosen one is reverted.

        Nothing is emitted.

        Parameters
        ----------
        preset : Preset
            A known one, perhaps with other steps, such as a match to the user's own images.
        """
        if preset.id in self._presets and preset.id != self._current:
            self._keep_edits()
            self._show_preset(preset.id)
        self._base = None if preset.id in self._presets else preset
        values = preset.to_dict()
        self._editor.set_value(values["steps"], values["order"])
        self._show_state()

    def choose(self, preset_id: str) -> None:
        """Choose a preset by its id; an unknown one is ignored. Nothing is emitted."""
        if preset_id in self._presets and preset_id != self._current:
            self._keep_edits()
            self._show_preset(preset_id)

    def refresh(self) -> None:
        """Read the list of presets again; the choice and the edits stay."""
        from napari_restoration.tasks.presets import is_shipped, list_presets

        self._presets = {preset.id: preset for preset in list_presets()}
        self.combo.clear()
        was_shipped = True
        for preset in self._presets.values():
            if was_shipped and not is_shipped(preset.id):
                self.combo.insertSeparator(self.combo.count())
                was_shipped = False
            self.combo.add(preset.title, preset.id, preset.description)
        self.combo.setCurrentIndex(self.combo.findData(self._current))

    def revert(self) -> None:
        """Bring back the steps of the chosen preset."""
        self._edits.pop(self._current, None)
        self._show_preset(self._current)
        self.changed.emit()

    def save(self) -> None:
        """Ask for a name and keep the steps as a preset of the user's own."""
        from napari_restoration.tasks.presets import is_shipped, save_preset

        self.message.clear()
        own_title = "" if is_shipped(self._current) else self._presets[self._current].title
        title = self.ask_for_name(own_title)
        if title is None:
            return
        title = " ".join(title.split())
        preset_id = id_of(title)
        if not preset_id:
            self.message.show_text("A preset needs a name with at least one letter or digit.", "error")
            return
        shipped = next((one for one in self._presets.values() if id_of(one.title) == preset_id), None)
        if is_shipped(preset_id) or (shipped is not None and is_shipped(shipped.id)):
            self.message.show_text(
                f"“{title}” comes with the program and is not replaced: choose another name.", "error"
            )
            return
        exists = preset_id in self._presets
        if exists and not self.ask(f"Replace your preset “{self._presets[preset_id].title}”?"):
            return
        try:
            preset = dataclasses.replace(self.value(), id=preset_id, title=title)
            save_preset(preset, overwrite=exists)
        except (InputError, OutputError, OSError) as error:
            self.message.show_text(str(error), "error")
            return
        self._edits.pop(self._current, None)
        self._edits.pop(preset_id, None)
        self.refresh()
        self._show_preset(preset_id)
        self.message.show_text(f"Saved as “{title}”.")
        self.changed.emit()

    def delete(self) -> None:
        """Remove the chosen preset, if it is the user's own, after asking."""
        from napari_restoration.tasks.presets import delete_preset

        self.message.clear()
        title = self._presets[self._current].title
        if not self.ask(f"Delete your preset “{title}”?"):
            return
        try:
            delete_preset(self._current)
        except (InputError, OSError) as error:
            self.message.show_text(str(error), "error")
            return
        self._edits.pop(self._current, None)
        self.refresh()
        self._show_preset(next(iter(self._presets)))
        self.message.show_text(f"“{title}” is deleted.")
        self.changed.emit()

    def ask_for_name(self, suggestion: str) -> str | None:
        """Ask for the name of a preset; ``None`` if the person changed their mind."""
        name, is_given = QInputDialog.getText(self, "Save preset", "Name of the preset", text=suggestion)
        return str(name) if is_given else None

    def ask(self, question: str) -> bool:
        """Ask a question that is answered by yes or no."""
        return bool(QMessageBox.question(self, "Preset", question) == QMessageBox.StandardButton.Yes)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.changed_label)
        buttons.addStretch(1)
        for button in (self.revert_button, self.save_button, self.delete_button):
            buttons.addWidget(button)
        # The line keeps its height and its buttons their places while the word comes and goes.
        policy = self.changed_label.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.changed_label.setSizePolicy(policy)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self.label = QLabel("Preset")
        self.label.setMinimumWidth(LABEL_WIDTH)
        grid.addWidget(self.label, 0, 0)
        grid.addWidget(self.combo, 0, 1)
        grid.addLayout(buttons, 1, 0, 1, 2)
        grid.addWidget(self.message, 2, 0, 1, 2)

    def _on_chosen(self) -> None:
        chosen = str(self.combo.currentData())
        self.message.clear()
        if chosen != self._current:
            self.choose(chosen)
            self.changed.emit()

    def _keep_edits(self) -> None:
        if self._current in self._presets and self.is_changed:
            self._edits[self._current] = (self._editor.value(), self._editor.order)

    def _show_preset(self, preset_id: str) -> None:
        self._current, self._base = preset_id, None
        self.combo.setCurrentIndex(self.combo.findData(preset_id))
        values = self._presets[preset_id].to_dict()
        self._editor.set_value(values["steps"], values["order"])
        self._as_saved = (self._editor.value(), self._editor.order)
        if preset_id in self._edits:
            self._editor.set_value(*self._edits.pop(preset_id))
        self._show_state()

    def _show_state(self) -> None:
        from napari_restoration.tasks.presets import is_shipped

        is_changed = self.is_changed
        self.changed_label.setVisible(is_changed)
        self.revert_button.setEnabled(is_changed)
        self.delete_button.setEnabled(not is_shipped(self._current))
        self.combo.setToolTip(self._presets[self._current].description)


def id_of(title: str) -> str:
    """The id of a preset in commands and file names: lower case, with a hyphen between words."""
    letters = "".join(letter if letter.isalnum() else " " for letter in title.casefold())
    return "-".join(letters.split())


def _button(words: str, tooltip: str) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tooltip)
    return button
