"""Take the picture of the Degrade widget: a sharp sample stack, and what a microscope makes of it.

    xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" python -m benchmarks.screenshots.degrade_widget

It opens napari, chooses the sharp stack of a sample and a preset, waits for the preview, and writes
docs/images/degrade_widget.png. The sample is simulated and ships with the package.
"""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.event_loop import wait

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "degrade_widget.png"


def take(path, *, preset, sample, theme, size, open_steps=(), section=None, width=None, bottom=False):
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_restoration.gui._commands import open_degrade_widget

    viewer = napari.Viewer()
    viewer.theme = theme
    application = QApplication.instance()
    viewer.window._qt_window.resize(*size)
    widget = open_degrade_widget(viewer)
    viewer.open_sample("napari-restoration", sample)
    truth = viewer.layers[0]
    viewer.layers.remove(viewer.layers[1])
    truth.visible = True
    viewer.layers.selection.active = truth
    widget.choose(truth, preset)
    if width is not None:
        dock = widget.parentWidget()
        viewer.window._qt_window.resizeDocks([dock], [width], _horizontal())
    for row in widget.form.steps.rows:
        row.set_open(row.kind.kind in open_steps)
    if section == "pairs":
        widget.form.pairs_section.set_open(True)
    viewer.reset_view()
    wait(application, lambda: widget.look.preview.is_shown, 20)
    wait(application, lambda: False, 0.8)
    if bottom:
        bar = widget.form.scroll_area.verticalScrollBar()
        bar.setValue(bar.maximum())
        wait(application, lambda: False, 0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(viewer.screenshot(canvas_only=False, flash=False), path)
    print(
        f"{path}: {widget.form.plan_text.text()} {widget.form.message.text()}, panel {widget.width()} px wide"
    )
    viewer.close()


def save(picture, path):
    """A palette of 256 colours is enough for a picture in the README."""
    from PIL import Image

    image = Image.fromarray(picture[..., :3])
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def _horizontal():
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", default="denoise", choices=("deblur", "refocus", "superres", "denoise"))
    parser.add_argument("--preset", default="confocal-63x")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--size", type=int, nargs=2, default=(1400, 900))
    parser.add_argument("--open", nargs="*", default=[], help="kinds of steps to open")
    parser.add_argument("--section", choices=("pairs",))
    parser.add_argument("--width", type=int, help="of the panel, in pixels")
    parser.add_argument("--bottom", action="store_true", help="scroll down")
    parser.add_argument("-o", "--output", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Nobody's settings matter, and none are changed.
        os.environ["NAPARI_CONFIG"] = f"{folder}/settings.yaml"
        os.environ["XDG_CONFIG_HOME"] = folder
        take(
            arguments.output, preset=arguments.preset, sample=arguments.sample, theme=arguments.theme,
            size=arguments.size, open_steps=arguments.open, section=arguments.section, width=arguments.width,
            bottom=arguments.bottom,
        )  # fmt: skip


if __name__ == "__main__":
    main()
