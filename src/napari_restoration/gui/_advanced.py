"""The choices that few need: where and how the network runs, and what the result is stored as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QSpinBox, QWidget

from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.tasks.settings import MOST_PASSES, Precision, RestoreSettings

_DEVICES = {"auto": "Automatic", "cpu": "CPU", "cuda": "CUDA", "mps": "MPS (Apple)"}
_TYPES = {"float32": "32-bit floating point", "same": "Same as input"}
_LARGEST_TILE = 4096
_PASSES_TIP = (
    "How often the network is applied, each time to its own result: twice helps a little where noise or blur is very "
    "strong, and makes other images worse."
)
_ADAPT_TIP = (
    "Moves the network's batch norms to this image's intensities before restoring, for models of your own that meet "
    "unusual images: the shipped ones became worse by it in every measurement."
)


class AdvancedSettings(Collapsible):
    """Device, tile, precision, output type, registration, channel, passes and adaptation.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        content = QWidget()
        super().__init__("Advanced", content, parent)
        self.device = _combo(_DEVICES, "Where the network runs. Automatic takes a GPU where there is one.")
        self.tile = QSpinBox()
        self.tile.setRange(0, _LARGEST_TILE)
        self.tile.setSingleStep(64)
        self.tile.setSpecialValueText("Automatic")
        self.tile.setSuffix(" px")
        self.tile.setToolTip(
            "Side of the tiles the image is restored in. Automatic measures once which size is fastest here."
        )
        names = {"fp32": "Full (fp32)", "bf16": "Half (bf16)", "fp16": "Half (fp16)"}
        self.precision = _combo(
            {name: names[name] for name in get_args(Precision)},
            "Number format of the network. Half is faster on some GPUs and slightly less exact.",
        )
        self.dtype = _combo(
            _TYPES,
            "How results are stored. Both keep the image's intensity scale; the input's type rounds and clips.",
        )
        self.register = QCheckBox("Align the frames of a burst")
        self.register.setToolTip("Shifts the frames onto each other before they are restored together.")
        self.register.setChecked(RestoreSettings().register)
        self.channel = QSpinBox()
        self.channel.setRange(-1, -1)
        self.channel.setSpecialValueText("All")
        self.channel.setToolTip("Restore all channels, one by one, or only this one, counted from 0.")
        self._passes, self._adapt = RestoreSettings().passes, RestoreSettings().adapt
        self.passes = QSpinBox()
        self.passes.setRange(1, MOST_PASSES)
        self.adapt = QCheckBox("Adapt the network to this image")
        self.offer_passes("")
        self.offer_adaptation("")

        form = QFormLayout(content)
        form.setContentsMargins(0, 0, 0, 4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Device", self.device)
        form.addRow("Tile", self.tile)
        form.addRow("Precision", self.precision)
        form.addRow("Output", self.dtype)
        form.addRow("Channel", self.channel)
        form.addRow("Passes", self.passes)
        form.addRow("", self.adapt)
        form.addRow("", self.register)
        self.form = form
        for combo in (self.device, self.precision, self.dtype):
            combo.currentIndexChanged.connect(self.changed)
        self.tile.valueChanged.connect(self.changed)
        self.channel.valueChanged.connect(self.changed)
        self.passes.valueChanged.connect(self._keep_passes)
        self.passes.valueChanged.connect(self.changed)
        self.adapt.toggled.connect(self._keep_adapt)
        self.adapt.toggled.connect(self.changed)
        self.register.toggled.connect(self.changed)

    def offer_channels(self, count: int) -> None:
        """Set how many channels there are to choose from; 0 hides the choice."""
        self.channel.blockSignals(True)
        self.channel.setRange(-1, count - 1)
        self.channel.blockSignals(False)
        self.form.setRowVisible(self.channel, count > 1)

    def offer_registration(self, is_burst: bool) -> None:
        """Show the alignment of frames for models that take several."""
        self.form.setRowVisible(self.register, is_burst)

    def offer_network(self, is_network: bool) -> None:
        """Show what only networks have; classical methods run on the CPU, once, in full precision."""
        for control in (self.device, self.precision, self.passes, self.adapt):
            self.form.setRowVisible(control, is_network)

    def offer_passes(self, why_not: str) -> None:
        """Let the network be applied several times, or say why it cannot be; the choice is kept meanwhile."""
        self.passes.setEnabled(not why_not)
        self.passes.setToolTip(f"{why_not}." if why_not else _PASSES_TIP)
        with QSignalBlocker(self.passes):
            self.passes.setValue(1 if why_not else self._passes)

    def offer_adaptation(self, why_not: str) -> None:
        """Let the network be adapted to the image, or say why it cannot be; the choice is kept meanwhile."""
        self.adapt.setEnabled(not why_not)
        self.adapt.setToolTip(f"{why_not}." if why_not else _ADAPT_TIP)
        with QSignalBlocker(self.adapt):
            self.adapt.setChecked(not why_not and self._adapt)

    def _keep_passes(self, passes: int) -> None:
        self._passes = passes

    def _keep_adapt(self, adapt: bool) -> None:
        self._adapt = adapt

    def value(self) -> dict[str, Any]:
        """Arguments for `RestoreSettings`."""
        return {
            "device": self.device.currentData(),
            "tile": self.tile.value() or None,
            "precision": self.precision.currentData(),
            "dtype": self.dtype.currentData(),
            "register": self.register.isChecked(),
            "passes": self.passes.value(),
            "adapt": self.adapt.isChecked(),
            "channel": self.channel.value() if self.channel.value() >= 0 else None,
        }

    def choices(self) -> dict[str, Any]:
        """What is remembered: everything but the channel, which belongs to one image."""
        chosen = {**self.value(), "passes": self._passes, "adapt": self._adapt}
        return {name: value for name, value in chosen.items() if name != "channel"}

    def restore(self, choices: Mapping[str, Any]) -> None:
        """Take up remembered choices, as far as they are valid."""
        for combo, name in ((self.device, "device"), (self.precision, "precision"), (self.dtype, "dtype")):
            index = combo.findData(choices.get(name))
            if index >= 0:
                combo.setCurrentIndex(index)
        tile = choices.get("tile")
        self.tile.setValue(tile if isinstance(tile, int) else 0)
        passes = choices.get("passes")
        self._passes = passes if isinstance(passes, int) and 1 <= passes <= MOST_PASSES else 1
        self._adapt = choices.get("adapt") is True
        # Shown only while they are offered.
        if self.passes.isEnabled():
            self.passes.setValue(self._passes)
        if self.adapt.isEnabled():
            self.adapt.setChecked(self._adapt)
        self.register.setChecked(bool(choices.get("register", RestoreSettings().register)))


def _combo(items: Mapping[str, str], tooltip: str) -> QComboBox:
    combo = QComboBox()
    for name, title in items.items():
        combo.addItem(title, name)
    combo.setToolTip(tooltip)
    return combo
