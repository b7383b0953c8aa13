"""The choices of a training that few need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QPushButton, QSpinBox, QWidget

from napari_restoration.core.errors import InputError
from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.gui._message import small_text
from napari_restoration.gui._pairs_panel import FolderField
from napari_restoration.gui._step_combo import NarrowCombo

_SIZES = {"default": "Ours", "paper": "As published", "tiny": "Tiny, for a trial"}
_METRICS = {"": "The method's", "loss": "Loss", "psnr": "PSNR", "ssim": "SSIM", "mae": "Mean absolute error"}
_DEVICES = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS (Apple)"}
_LARGEST_SEED = 2**31 - 1
_NUMBERS = ("epochs", "patch", "batch_size", "early_stopping")


class TrainAdvanced(Collapsible):
    """Epochs, method, patches, rate, metric, seed, device, folders, and the command.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()
    copy_clicked = Signal()
    """The command is wanted on the clipboard."""

    def __init__(self, parent: QWidget | None = None) -> None:
        content = QWidget()
        super().__init__("Advanced", content, parent)
        self.epochs = _number(100_000, "By minutes", "Train for so many epochs instead of the minutes above.")
        self.method = _combo({}, "How a network from scratch is built and taught.")
        self.network_size = _combo(_SIZES, "How large a network from scratch is.")
        self.patch = _number(
            4096, "Automatic", "Side of the parts of an image that are learned from at a time."
        )
        self.patch.setSuffix(" px")
        self.batch_size = _number(1024, "Automatic", "Parts that are learned from together in a step.")
        self.rate = QLineEdit()
        self.rate.setPlaceholderText("Automatic")
        self.rate.setToolTip("How far weights move in a step; too high a rate unlearns what the model knew.")
        self.best_by = _combo(_METRICS, "What decides, on held-out images, which weights are best.")
        self.early_stopping = _number(
            10_000, "Automatic", "End after so many epochs without a better metric on held-out images."
        )
        self.seed = QSpinBox()
        self.seed.setRange(-1, _LARGEST_SEED)
        self.seed.setValue(-1)
        self.seed.setSpecialValueText("Automatic")
        self.seed.setToolTip("Where all random draws begin.")
        self.device = _combo(_DEVICES, "Where the network is trained.")
        self.validation = FolderField("Folder of held-out images")
        self.validation.line.setPlaceholderText("A share of the images")
        self.validation.setToolTip("Images that are never trained on, in a folder of the same kind.")
        self.run = FolderField("Folder of the run")
        self.run.line.setPlaceholderText("In your data folder")
        self.run.setToolTip("A new or empty folder for everything that the training writes.")
        self.copy_button = QPushButton("Copy command")
        self.copy_button.setToolTip("Copy the command line that does what Train does.")
        self.command = small_text()
        self.command.hide()
        self._task = self._kept_method = ""
        self._lay_out(content)
        self.copy_button.clicked.connect(self.copy_clicked)

    def offer_task(self, task: str, *, is_from_scratch: bool) -> None:
        """Offer the methods of a task; a network that exists already has its own."""
        from napari_restoration.tasks.train_order import methods_of

        if task != self._task and is_from_scratch:  # each method is a file
            chosen = self.method.currentData() or self._kept_method
            self.method.blockSignals(True)
            self.method.clear()
            for name, title in methods_of(task):
                self.method.add(title, name)
            self.method.setCurrentIndex(max(0, self.method.findData(chosen)))
            self.method.blockSignals(False)
            self._task = task
        self.form.setRowVisible(self.method, is_from_scratch)
        self.form.setRowVisible(self.network_size, is_from_scratch)

    def value(self, *, is_from_scratch: bool) -> dict[str, Any]:
        """Fields of the order.

        Raises
        ------
        InputError
            If the learning rate is no number above 0.
        """
        changes = {name: getattr(self, name).value() for name in _NUMBERS[1:] if getattr(self, name).value()}
        if (rate := self._rate()) is not None:
            changes["learning_rate"] = rate
        if self.best_by.currentData():
            changes["metric"] = self.best_by.currentData()
        return {
            "epochs": self.epochs.value() or None,
            "method": self.method.currentData() if is_from_scratch else None,
            "size": self.network_size.currentData() if is_from_scratch else None,
            "seed": self.seed.value() if self.seed.value() >= 0 else None,
            "device": self.device.currentData(),
            "changes": changes,
        }

    def folders(self) -> tuple[Path | None, Path | None]:
        """Folder of held-out images and folder of the run, where they are given."""
        fields = (self.validation, self.run)
        held_out, run = (field.value("") if field.line.text().strip() else None for field in fields)
        return held_out, run

    def choices(self) -> dict[str, Any]:
        """What is remembered: everything but the folders, which belong to one run."""
        numbers = {name: getattr(self, name).value() for name in (*_NUMBERS, "seed")}
        combos = {
            name: getattr(self, name).currentData()
            for name in ("method", "network_size", "best_by", "device")
        }
        combos["method"] = combos["method"] or self._kept_method
        return {**numbers, **combos, "rate": self.rate.text()}

    def restore(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices, as far as they are valid."""
        for name in (*_NUMBERS, "seed"):
            if isinstance(value := choices.get(name), int):
                getattr(self, name).setValue(value)
        self._kept_method = str(choices.get("method") or "")
        for name in ("method", "network_size", "best_by", "device"):
            combo = getattr(self, name)
            if (index := combo.findData(choices.get(name))) >= 0:
                combo.setCurrentIndex(index)
        self.rate.setText(str(choices.get("rate") or ""))

    def show_command(self, command: str) -> None:
        """Show a command below its button; an empty one hides it."""
        self.command.setText(command)
        self.command.setVisible(bool(command))

    def _rate(self) -> float | None:
        text = self.rate.text().strip()
        if not text:
            return None
        try:
            rate = float(text.replace(",", "."))
        except ValueError:
            rate = 0.0
        if not 0 < rate < 10:
            raise InputError(f"The learning rate is {text!r}: type a number such as 1e-4, or leave it empty.")
        return rate

    def _lay_out(self, content: QWidget) -> None:
        form = self.form = QFormLayout(content)
        form.setContentsMargins(0, 0, 0, 4)
        form.setVerticalSpacing(5)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows: dict[str, QWidget] = {
            "Epochs": self.epochs, "Method": self.method, "Size": self.network_size, "Patch": self.patch,
            "Batch": self.batch_size, "Learning rate": self.rate, "Best by": self.best_by,
            "Early stop": self.early_stopping, "Seed": self.seed, "Device": self.device,
            "Held out": self.validation, "Run folder": self.run,
        }  # fmt: skip
        for label, part in rows.items():
            form.addRow(label, part)
        form.addRow("", self.copy_button)
        form.addRow("", self.command)
        for part in (self.epochs, self.patch, self.batch_size, self.early_stopping, self.seed):
            part.valueChanged.connect(self.changed)
        for combo in (self.method, self.network_size, self.best_by, self.device):
            combo.currentIndexChanged.connect(self.changed)
        for line in (self.rate, self.validation.line, self.run.line):
            line.textChanged.connect(self.changed)


def _combo(items: dict[str, str], tooltip: str) -> NarrowCombo:
    combo = NarrowCombo()
    for name, title in items.items():
        combo.add(title, name)
    combo.setToolTip(tooltip)
    return combo


def _number(largest: int, none_words: str, tooltip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, largest)
    box.setSpecialValueText(none_words)
    box.setToolTip(tooltip)
    return box
