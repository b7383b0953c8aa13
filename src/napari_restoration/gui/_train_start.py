"""The choice of a task and of the network that training starts from."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_restoration.gui._model_picker import ModelPicker

_SCRATCH = "Nothing (from scratch)"
_SCRATCH_WORDS = "A new network that knows your images alone; it needs many pairs and a long time."


class StartPicker(ModelPicker):
    """Networks of a task, shipped ones first, and nothing.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    _scratch: frozenset[str] = frozenset()
    """Tasks that are learned from scratch."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(classical=False, model_label="Start from", parent=parent)

    @property
    def start(self) -> str | None:
        """Id of the model to start from; ``None`` from scratch."""
        return None if self.card is None else self.card.id

    def choose_scratch(self, task: str) -> None:
        """Choose a task to be learned from scratch."""
        self._scratch |= {task}
        self.choose(task)

    def choices(self) -> dict[str, object]:
        """What is remembered."""
        return {**super().choices(), "scratch": sorted(self._scratch)}

    def restore(self, choices: dict[str, object]) -> None:
        """Take up remembered choices, as far as they still exist."""
        scratch = choices.get("scratch")
        self._scratch = frozenset(str(task) for task in scratch) if isinstance(scratch, list) else frozenset()
        super().restore(choices)

    def refresh(self) -> None:
        """Read the list of networks again; nothing stands below them."""
        was_blocked = self.blockSignals(True)
        super().refresh()
        self.blockSignals(was_blocked)
        combo = self.model_combo
        combo.blockSignals(True)
        if self._cards:
            combo.insertSeparator(len(self._cards))
            self._cards.append(None)
        combo.addItem(_SCRATCH)
        self._cards.append(None)
        if self.task in self._scratch or combo.currentIndex() < 0:
            combo.setCurrentIndex(combo.count() - 1)
        combo.setEnabled(True)
        combo.blockSignals(False)
        self._show_card()

    def _on_model_changed(self) -> None:
        self._scratch = self._scratch - {self.task} if self.card is not None else self._scratch | {self.task}
        super()._on_model_changed()

    def _show_card(self) -> None:
        if self.card is None:
            self.description.setText(_SCRATCH_WORDS)
            self.model_combo.setToolTip(_SCRATCH_WORDS)
            self.changed.emit()
            return
        super()._show_card()
