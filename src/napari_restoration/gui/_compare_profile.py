"""Line profile: grey levels of both layers along a line on the canvas, live while it is dragged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.files import safe_file_name, write_bytes_atomically
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.gui._compare_lattice import is_lazy, look_at, world_unit
from napari_restoration.gui._compare_line import ProfileLine, check_line
from napari_restoration.gui._compare_plot import ProfilePlot
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._latest_task import LatestTask
from napari_restoration.gui._message import Message
from napari_restoration.gui._step_wheel import keep_wheel_for_scrolling
from napari_restoration.tasks.comparison_profile import Profile, iter_profile, profile_table

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.tasks.comparison import GreyMatch

_WIDEST_PX = 99

PairOf = Callable[[], "tuple[Image, Image]"]


class ProfilePanel(QWidget):
    """Draws a line, plots both layers along it, and writes the values and the plot.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are looked at.
    pair_of : callable
        Gives the earlier and the later layer; raises `InputError` where there are none.
    match_of : callable
        Gives the match of grey levels that the panel shows, or None.
    owner : QWidget
        The widget in the dock; when it goes, the work stops.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        pair_of: PairOf,
        match_of: Callable[[], GreyMatch | None],
        *,
        owner: QWidget,
    ) -> None:
        super().__init__()
        self._viewer, self._pair_of, self._match_of = viewer, pair_of, match_of
        self.profile: Profile | None = None
        self.line = ProfileLine(viewer, self)
        self.draw_button = QPushButton("Draw line")
        self.draw_button.setToolTip(
            "Lay a line over the middle of what is visible. Drag its ends; wheel and Space move the view."
        )
        self.width_box = QSpinBox()
        self.width_box.setRange(1, _WIDEST_PX)
        self.width_box.setSuffix(" px")
        self.width_box.setToolTip("Average over so many parallel lines, one pixel of the finer layer apart.")
        keep_wheel_for_scrolling(self.width_box)
        self.plot = ProfilePlot()
        self.csv_button = QPushButton("Save CSV…")
        self.csv_button.setToolTip("Distance, place and the grey levels of both layers as a table.")
        self.png_button = QPushButton("Save PNG…")
        self.png_button.setToolTip("The plot as a picture, 1600 pixels wide.")
        self.message = Message()
        self._lay_out()
        self._lazy_task = LatestTask(
            owner,
            self._make,
            on_report=self._on_report,
            on_done=self._show,
            on_error=self._on_error,
        )
        self.line.moved.connect(self.update_profile)
        self.line.removed.connect(self.clear)
        self.draw_button.clicked.connect(self.draw)
        self.width_box.valueChanged.connect(self.update_profile)
        self.csv_button.clicked.connect(self.save_csv)
        self.png_button.clicked.connect(self.save_png)
        self.clear()

    @property
    def is_at_rest(self) -> bool:
        """Whether no profile of a lazy layer is being read."""
        return self._lazy_task.is_at_rest

    def draw(self) -> None:
        """Lay a line over what is visible and show its profile."""
        try:
            self.line.draw(self._pair_of()[0])
        except RestorationError as error:
            self.message.show_text(str(error), "error")
            return
        self.update_profile()

    def update_profile(self) -> None:
        """Look along the line again: at once in memory, in a thread where planes must be read first."""
        if self.line.layer is None:
            return
        try:
            pair = self._pair_of()
            if any(is_lazy(layer) for layer in pair):
                self._lazy_task.ask()
                return
            self._show(run(self._task(pair)))
        except RestorationError as error:
            self.message.show_text(str(error), "error")

    def clear(self) -> None:
        """Show no profile."""
        self.profile = None
        self.plot.hide()
        self.message.clear()
        for button in (self.csv_button, self.png_button):
            button.hide()

    def follow_theme(self, theme: str) -> None:
        """Take up the colours of a theme."""
        self.plot.follow_theme(theme)

    def save_csv(self) -> None:
        """Ask for a file and write the values."""
        if self.profile is not None and (path := self._ask("Save profile", ".csv")) is not None:
            table = profile_table(self.profile)
            self._save(lambda: write_bytes_atomically(path, table.encode("utf-8")), path)

    def save_png(self) -> None:
        """Ask for a file and write the plot."""
        if self.profile is not None and (path := self._ask("Save plot", ".png")) is not None:
            self._save(lambda: self.plot.save_png(path), path)

    def _make(self) -> Task[Profile] | None:
        try:
            return self._task(self._pair_of()) if self.line.layer is not None else None
        except RestorationError as error:
            self.message.show_text(str(error), "error")
            return None

    def _task(self, pair: tuple[Image, Image]) -> Task[Profile]:
        start, end = check_line(self.line.ends())
        looks = [look_at(self._viewer, layer) for layer in pair]
        return iter_profile(looks, start, end, width_px=self.width_box.value(), unit=world_unit(self._viewer))

    def _show(self, profile: Profile) -> None:
        if self.line.layer is None:
            return
        self.profile = profile
        match = self._match_of()
        self.message.clear()
        self.plot.show_profile(profile, match)
        self.plot.name_curves((profile.names[0], profile.names[1]), matched=match is not None)
        for button in (self.csv_button, self.png_button):
            button.show()
        self.png_button.setEnabled(self.plot.plot is not None)

    def _on_report(self, reports: list[Progress]) -> None:
        pass  # a plane is read; the profile before stays until it is there

    def _on_error(self, error: BaseException) -> None:
        self.message.show_text(error_words(error, "Reading the profile"), "error")

    def _save(self, write: Callable[[], None], path: Path) -> None:
        try:
            write()
        except (OSError, RestorationError) as error:
            self.message.show_text(f"{path} was not written: {error}", "error")
            return
        self.message.show_text(f"Wrote {path}.")

    def _ask(self, title: str, suffix: str) -> Path | None:
        names = self.profile.names if self.profile is not None else ()
        start = safe_file_name(f"profile {' '.join(names)}") + suffix
        chosen = str(QFileDialog.getSaveFileName(self, title, start, f"*{suffix}")[0])
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix else path.with_suffix(suffix)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.draw_button, 1)
        row.addWidget(QLabel("Width"))
        row.addWidget(self.width_box)
        saves = QHBoxLayout()
        saves.setSpacing(6)
        saves.addWidget(self.csv_button)
        saves.addWidget(self.png_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(row)
        layout.addWidget(self.plot)
        layout.addLayout(saves)
        layout.addWidget(self.message)


def no_pair() -> InputError:
    """What is said where there are not two layers."""
    return InputError("There are not two images to compare: open another one, or restore this one first.")
