"""The panel's controls and where they stand; what they do is in the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_restoration.gui._advanced import AdvancedSettings
from napari_restoration.gui._axes_row import AxesRow
from napari_restoration.gui._diagnosis import DiagnosisList
from napari_restoration.gui._domain_line import DomainLine
from napari_restoration.gui._frames_row import FramesRow
from napari_restoration.gui._layer_combo import LayerCombo
from napari_restoration.gui._look import ACCENT, PRIMARY, align_labels, faint_line, small_text_style
from napari_restoration.gui._message import Message, small_text
from napari_restoration.gui._model_picker import ModelPicker
from napari_restoration.gui._parameters_form import ParametersForm
from napari_restoration.gui._progress_bar import ProgressBar
from napari_restoration.gui._trust_overlay import TrustRow
from napari_restoration.models.classical.catalogue import is_classical
from napari_restoration.tasks.applicable import why_no_adaptation, why_no_passes
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.models.card import ModelCard

_SMALLEST_WIDTH = 320


class RestoreForm(QWidget):
    """Everything that is seen of the Restore widget.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.layer_combo = LayerCombo(viewer)
        self.axes_row = AxesRow()
        self.models = ModelPicker()
        self.parameters = ParametersForm()
        self.frames_row = FramesRow()
        self.plan_text = small_text()
        self.domain = DomainLine()
        self.layer_combo.layer_changed.connect(self.domain.forget)
        self.models.changed.connect(self.domain.forget)
        self.area = QComboBox()
        self.area.addItem("What the canvas shows", "canvas")
        self.area.addItem("Drawn rectangle", "rectangle")
        self.area.setToolTip(
            "What Preview restores: the visible part, or the rectangle selected in a Shapes layer."
        )
        self.advanced = AdvancedSettings()
        self.trust = TrustRow()
        self.diagnose_button = QPushButton("Diagnose")
        self.diagnose_button.setToolTip(
            "Look at the shown plane and say what is wrong with it; nothing runs by itself."
        )
        self.preview_button = QPushButton("Preview")
        self.preview_button.setToolTip(
            "Restore only what the canvas shows, in place. It equals that part of the full result."
        )
        self.restore_button = QPushButton("Restore")
        self.restore_button.setToolTip(
            "Restore the whole image into a new layer beside it. The visible plane comes first."
        )
        self.restore_button.setStyleSheet(PRIMARY)
        self.progress = ProgressBar()
        self.progress.set_accent(ACCENT)
        self.message = Message()
        self.diagnosis = DiagnosisList()
        self._buttons = (self.diagnose_button, self.preview_button, self.restore_button)
        self.setMinimumWidth(_SMALLEST_WIDTH)
        self._lay_out()

    def settings(self, layer: Image, card: ModelCard) -> RestoreSettings:
        """The choices for a layer and a model."""
        choices = self.advanced.value()
        if layer.rgb:
            # napari shows floating-point colours from 0 to 1 only: whole numbers have to stay whole.
            choices["dtype"] = "same"
        if is_classical(card):
            choices.update(device="auto", precision="fp32")  # chosen for networks, and hidden now
        self.parameters.show_card(card)
        frames = self.frames_row.value() if card.frames is not None else "auto"
        return RestoreSettings(frames=frames, parameters=self.parameters.value(), **choices)

    def choices(self) -> dict[str, Any]:
        """What is remembered from one session to the next."""
        parts = (self.models, self.parameters, self.advanced, self.trust)
        chosen = {name: value for part in parts for name, value in part.choices().items()}
        return {**chosen, "frames": self.frames_row.value()}

    def restore_choices(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices, as far as they are valid."""
        self.models.restore(choices)
        self.parameters.restore(choices)
        self.advanced.restore(choices)
        self.trust.restore(choices)
        self.frames_row.set_value(choices.get("frames"))

    def offer_what_fits(self, card: ModelCard | None) -> None:
        """Show the controls that mean something for a model."""
        is_burst = card is not None and card.frames is not None
        self.frames_row.setVisible(is_burst)
        self.advanced.offer_registration(is_burst)
        self.advanced.offer_network(card is None or not is_classical(card))
        self.advanced.offer_passes("" if card is None else why_no_passes(card))
        self.advanced.offer_adaptation("" if card is None else why_no_adaptation(card))
        self.parameters.show_card(card)

    def follow_theme(self, theme: str) -> None:
        """Make explanations a little fainter than the theme's text."""
        self.setStyleSheet(small_text_style(theme))
        self.diagnosis.follow_theme(theme)

    def show_area(self, is_shown: bool) -> None:
        """Offer the drawn rectangle where there is a layer to draw on."""
        self._area_form.setRowVisible(self.area, is_shown)
        if not is_shown:
            self.area.setCurrentIndex(0)

    def set_running(self, is_running: bool) -> None:
        """Only one run at a time: the buttons wait for it."""
        for button in self._buttons:
            button.setEnabled(not is_running)

    def _lay_out(self) -> None:
        image_form = QFormLayout()
        image_form.addRow("Image", self.layer_combo)
        self._area_form = QFormLayout()
        self._area_form.addRow("Preview", self.area)
        plan_form = QFormLayout()
        plan_form.setLabelAlignment(Qt.AlignmentFlag.AlignTop)
        plan_form.addRow("Result", self.plan_text)
        forms = [
            image_form, self.axes_row.form, self.models.form, self.frames_row.form, plan_form, self._area_form,
        ]  # fmt: skip
        for form in forms:
            form.setContentsMargins(0, 0, 0, 0)
            form.setVerticalSpacing(5)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        align_labels([*forms, self.advanced.form])
        label = image_form.itemAt(0, QFormLayout.ItemRole.LabelRole)
        if label is not None and (first := label.widget()) is not None:
            self.parameters.set_label_width(first.maximumWidth())
        buttons = QHBoxLayout()
        for button in self._buttons:
            button.setMinimumHeight(28)
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        parts: list[Any] = [
            image_form, self.axes_row, faint_line(), self.models, self.parameters, self.frames_row, plan_form,
            self.domain, self._area_form, self.advanced, self.trust, buttons, self.progress, self.message,
            self.diagnosis,
        ]  # fmt: skip
        for part in parts:
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        layout.addStretch(1)  # in a high window the parts stay together
