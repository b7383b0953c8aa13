"""The choice of a task and of a model for it, with what the model's card says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_restoration.core.errors import ModelError
from napari_restoration.gui._card_text import describe_card
from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard

TASKS = {
    "deblur": (
        "Deblur",
        "Removes blur that differs from frame to frame of a burst, such as motion and shaking.",
    ),
    "refocus": ("Refocus", "Sharpens planes that were taken slightly out of focus."),
    "superres": ("Super-resolution", "Doubles the number of pixels along Y and X and restores fine detail."),
    "denoise": ("Denoise", "Removes camera and photon noise from images taken with little light."),
}
"""Title and one sentence of each task, by its name."""


class ModelPicker(QWidget):
    """Task and model, with the model's one-line description.

    Parameters
    ----------
    classical : bool
        With the methods that need no network.
    model_label : str
        What stands before the model.
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(
        self, *, classical: bool = True, model_label: str = "Model", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._classical = classical
        self.task_combo = QComboBox()
        for task, (title, sentence) in TASKS.items():
            self.task_combo.addItem(title, task)
            self.task_combo.setItemData(self.task_combo.count() - 1, sentence, _TOOLTIP)
        self.model_combo = QComboBox()
        for combo in (self.task_combo, self.model_combo):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(10)
        self.description = small_text()
        self._cards: list[ModelCard | None] = []  # none where a line or a title stands
        self._preferred: dict[str, str] = {}  # the model last used for each task
        self.problem = ""
        """Why no model can be offered."""
        form = QFormLayout(self)
        form.addRow("Task", self.task_combo)
        form.addRow(model_label, self.model_combo)
        form.addRow("", self.description)
        self.form = form
        self.task_combo.currentIndexChanged.connect(self._on_task_changed)
        self.model_combo.currentIndexChanged.connect(self._on_model_changed)
        self.refresh()

    @property
    def task(self) -> str:
        """Name of the chosen task."""
        return str(self.task_combo.currentData())

    @property
    def card(self) -> ModelCard | None:
        """Card of the chosen model; none if the task has no model."""
        index = self.model_combo.currentIndex()
        return self._cards[index] if 0 <= index < len(self._cards) else None

    def choose(self, task: str, model: str | None = None) -> None:
        """Choose a task and, where it is known, a model.

        Parameters
        ----------
        task : str
            One of `TASKS`; another is ignored.
        model : str, optional
            Id of a model.
        """
        if model:
            self._preferred[task] = model
        index = self.task_combo.findData(task)
        if index < 0:
            return
        if index == self.task_combo.currentIndex():
            self.refresh()
        else:
            self.task_combo.setCurrentIndex(index)

    def prefer(self, task: str, model: str) -> None:
        """Choose a model for its task and read the list of models again; the task stays as it is."""
        self._preferred[task] = model
        self.refresh()

    def choices(self) -> dict[str, object]:
        """What is remembered."""
        models = dict(self._preferred)
        if self.card is not None:
            models[self.task] = self.card.id
        return {"task": self.task, "models": models}

    def restore(self, choices: dict[str, object]) -> None:
        """Take up remembered choices, as far as they still exist."""
        models = choices.get("models")
        if isinstance(models, dict):
            self._preferred = {str(task): str(model) for task, model in models.items()}
        self.choose(str(choices.get("task", self.task)))

    def refresh(self) -> None:
        """Read the list of models again: networks first, then, below a line, the methods that need none."""
        from napari_restoration.models.classical.catalogue import is_classical
        from napari_restoration.models.registry import find_card, list_models

        cards, self.problem = [], ""
        try:
            cards = [find_card(model)[0] for model in list_models(self.task, classical=self._classical)]
        except ModelError as error:
            self.problem = str(error)
        self.model_combo.blockSignals(True)
        self.model_combo.clear()
        self._cards = []
        for card in cards:
            if is_classical(card) and None not in self._cards:
                self._add_title("Without a network")
            self.model_combo.addItem(card.title)
            self._cards.append(card)
            self.model_combo.setItemData(len(self._cards) - 1, describe_card(card), _TOOLTIP)
        # The default network stands first; where there is none, the first method follows line and title.
        places = {card.id: index for index, card in enumerate(self._cards) if card is not None}
        if places:
            wanted = self._preferred.get(self.task, "")
            self.model_combo.setCurrentIndex(places.get(wanted, min(places.values())))
        self.model_combo.setEnabled(bool(places))
        self.model_combo.blockSignals(False)
        self._show_card()

    def _add_title(self, words: str) -> None:
        """A line and a title, neither of which can be chosen."""
        if self._cards:
            self.model_combo.insertSeparator(len(self._cards))
            self._cards.append(None)
        self.model_combo.addItem(words)
        items = self.model_combo.model()
        if isinstance(items, QStandardItemModel) and (item := items.item(len(self._cards))) is not None:
            item.setEnabled(False)
        self._cards.append(None)

    def _on_task_changed(self) -> None:
        self.refresh()

    def _on_model_changed(self) -> None:
        if self.card is not None:
            self._preferred[self.task] = self.card.id
        self._show_card()

    def _show_card(self) -> None:
        card = self.card
        title = TASKS[self.task][0]
        self.task_combo.setToolTip(TASKS[self.task][1])
        self.description.setText(card.description if card else f"There is no model for {title} yet.")
        self.model_combo.setToolTip(describe_card(card) if card else "")
        self.changed.emit()


_TOOLTIP = 3  # Qt.ItemDataRole.ToolTipRole
