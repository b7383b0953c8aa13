"""A quiet line that says in what an image is unlike what the chosen model was trained on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._latest_task import LatestTask
from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from napari_restoration.core.image import CalibratedImage
    from napari_restoration.models.card import ModelCard
    from napari_restoration.tasks.domain import DomainReport

_LOG = logging.getLogger(__name__)


class DomainLine(QWidget):
    """Compares in a thread, and is hidden while there is nothing to tell. It never holds a run back.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label: QLabel = small_text()
        self.label.setToolTip(
            "Noise, detail, brightness and pixel size of a few parts of the image, held against the statistics of the "
            "model's training images. It can be restored all the same."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.label)
        self.report: DomainReport | None = None
        """What is shown."""
        self._wish: tuple[CalibratedImage, ModelCard, int | None] | None = None
        self._seen: tuple[Any, ...] | None = None
        self._task: LatestTask | None = None
        self.hide()

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is being compared."""
        return self._task is None or self._task.is_at_rest

    def look_at(self, owner: QWidget, image: CalibratedImage, card: ModelCard, channel: int | None) -> None:
        """Compare an image with a model's training images, unless that is what is shown.

        Parameters
        ----------
        owner : QWidget
            The panel; when it leaves its dock, the comparison ends.
        image : CalibratedImage
            The input; let go when it has been looked at.
        card : ModelCard
            The model's.
        channel : int, optional
            The one to be restored.
        """
        sizes = tuple(sorted(image.pixel_size_um.items()))
        seen = (id(image.data), image.axes, sizes, card.id, card.weights_sha256, channel)
        if seen == self._seen:
            return
        self.forget()
        self._seen = seen
        if not card.domain and card.pixel_size_um is None:
            return
        self._wish = (image, card, channel)
        if self._task is None:
            self._task = LatestTask(
                owner, self._make, on_report=self._on_report, on_done=self._on_done, on_error=self._on_error
            )
        self._task.ask()

    def forget(self) -> None:
        """Show nothing: the image or the model has changed."""
        self.report = self._seen = self._wish = None
        if self._task is not None and self._task.running is not None:
            self._task.running.cancel()
        self.hide()

    def _make(self) -> Task[DomainReport] | None:
        wish, self._wish = self._wish, None
        return None if wish is None else _comparing(*wish)

    def _on_report(self, reports: list[Progress]) -> None:
        pass  # a second's work

    def _on_done(self, report: DomainReport) -> None:
        self.report = report
        self.label.setText(report.words)
        self.setVisible(bool(report.words))

    def _on_error(self, error: BaseException) -> None:
        # A run says what is wrong with the image; other errors only cost this line.
        if not isinstance(error, RestorationError):
            _LOG.error("An image could not be compared with the training images.", exc_info=error)


def _comparing(image: CalibratedImage, card: ModelCard, channel: int | None) -> Task[DomainReport]:
    from napari_restoration.tasks.domain import check_domain

    yield Progress(done=0, total=0, message="Comparing with the training images")
    return check_domain(image, card, channel=channel)
