"""What ``napari-restoration demo`` opens: napari with a sample stack, being restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_restoration.gui.sample_data import open_sample

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_restoration.gui.restore_widget import RestoreWidget


def open_demo(task: str) -> None:
    """Open napari on the sample of a task, restore it, and return when the window is closed.

    Parameters
    ----------
    task : str
        ``"deblur"``, ``"refocus"``, ``"superres"`` or ``"denoise"``.
    """
    import napari

    viewer = napari.Viewer(title="napari-restoration demo")
    start_demo(viewer, task)
    napari.run()


def start_demo(viewer: Viewer, task: str) -> RestoreWidget:
    """Put a sample into a viewer and press Restore.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    task : str
        The task to show.
    """
    from napari_restoration.gui._commands import open_restore_widget

    for data, options, _ in open_sample(task):
        viewer.add_image(data, **options)
    widget = open_restore_widget(viewer)
    widget.choose(viewer.layers[-1], task)
    widget.form.restore_button.click()
    return widget
