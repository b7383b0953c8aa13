"""How long the Degrade widget takes from a changed field to the picture on the canvas, for each preset.

The view shows 512 x 512 pixels. "New blur" changes a field that blur depends on, so that its kernel is made anew;
"same blur" changes one of the camera. Both include the panel's pause of 80 ms, in which it waits for further typing.
The times end when napari has drawn the preview; the middle and the longest of several changes are given.

    xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" python -m benchmarks.degrade_preview [--changes 9]
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

SIDE = 512
PIXEL_UM = 0.1
WINDOW = (1390, 890)  # the whole image fits into the canvas
COMMAND = "python -m benchmarks.degrade_preview"
REPORT = Path(__file__).with_suffix(".md")
# The field of each blur that is changed, and by how much it grows each time.
BLURS = {
    "optical_blur": ("na", -0.003),
    "confocal": ("na", -0.003),
    "gibson_lanni": ("na", -0.003),
    "gaussian_blur": ("sigma_px", 0.03),
    "motion_blur": ("length_px", 0.3),
}


def sharp_image():
    from scipy import ndimage

    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter((rng.random((SIDE, SIDE)) > 0.997).astype(float), 2)
    return (4000 * image / image.max() + 100).astype(np.uint16)


def wait_until(application, condition, seconds=60):
    end = time.perf_counter() + seconds
    while not condition():
        application.processEvents()
        time.sleep(0.0005)
        if time.perf_counter() > end:
            raise TimeoutError("The preview did not come.")


class Watch:
    """Notes when the preview was handed to napari and when it was drawn after that."""

    def __init__(self, viewer, widget):
        self.shown = self.drawn = None
        show = widget.look.preview.show

        def noting(*given, **more):
            show(*given, **more)
            self.shown, self.drawn, self.engine_s = time.perf_counter(), None, given[1].seconds

        widget.look.preview.show = noting
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self._on_draw)

    def _on_draw(self, event):
        if self.shown is not None and self.drawn is None:
            self.drawn = time.perf_counter()

    def start(self):
        self.shown = self.drawn = None
        self.begun = time.perf_counter()

    @property
    def ms(self):
        return (self.drawn - self.begun) * 1e3


def measure(application, widget, watch, kind, name, step, changes):
    row = next(row for row in widget.form.steps.rows if row.kind.kind == kind)
    row.set_open(True)
    field = row.fields.by_name[name]
    whole, engine = [], []
    for _ in range(changes):
        value = (field.value() or 0) + step
        wait_until(application, lambda: widget.look.task.is_at_rest)
        watch.start()
        field.box.lineEdit().setText(f"{value:.6g}")
        field.box.interpretText()  # as Enter does
        wait_until(application, lambda: watch.drawn is not None)
        whole.append(watch.ms)
        engine.append(watch.engine_s * 1e3)
    return statistics.median(whole), max(whole), statistics.median(engine)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--changes", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_CONFIG"] = f"{folder}/settings.yaml"
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = folder
        rows = list(all_presets(arguments.changes))
    text = report(rows, arguments.changes)
    REPORT.write_text(text, encoding="utf-8")
    print(text)


def all_presets(changes):
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_restoration.gui._commands import open_degrade_widget
    from napari_restoration.tasks.presets import list_presets

    viewer = napari.Viewer()
    application = QApplication.instance()
    viewer.window._qt_window.resize(*WINDOW)
    widget = open_degrade_widget(viewer)
    viewer.add_image(sharp_image(), name="sharp", scale=(PIXEL_UM, PIXEL_UM), units="um")
    wait_until(application, lambda: widget.look.preview.is_shown and widget.look.task.is_at_rest)
    viewer.reset_view()
    wait_until(application, lambda: widget.look.preview.layer.data.shape == (SIDE, SIDE))
    watch = Watch(viewer, widget)
    for preset in list_presets():
        watch.start()
        widget.choose(preset=preset.id)
        wait_until(application, lambda: watch.drawn is not None)
        first = watch.ms
        steps = {row.kind.kind: row.enabled_box.isChecked() for row in widget.form.steps.rows}
        blur = next(kind for kind in ("motion_blur", *BLURS) if steps.get(kind))
        new = measure(application, widget, watch, blur, *BLURS[blur], changes)
        same = measure(application, widget, watch, "camera", "offset_adu", 1, changes)
        region = widget.look.preview.layer.data.shape
        yield preset.title, region, first, new, same
    viewer.close()


def report(rows, changes):
    lines = [
        "# From a changed field to the preview on the canvas",
        "",
        f"Made on {os.cpu_count()} CPU cores ({platform.machine()}) with software drawing, at a load of "
        f"{os.getloadavg()[0]:.1f} (more than {os.cpu_count()} means that other work took part of the cores), by",
        "",
        f'    xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" {COMMAND}',
        "",
        f"Visible part of {SIDE} x {SIDE} pixels of {PIXEL_UM} um; middle (longest) of {changes} changes in ms, the "
        "panel's pause of 80 ms included, then the engine's share of it. Goal: under 300 ms.",
        "",
        "| preset | preview | first after choosing it | new blur | same blur |",
        "| --- | --- | --- | --- | --- |",
    ]
    for title, region, first, new, same in rows:
        size = " x ".join(str(length) for length in region)
        cells = [
            f"{middle:.0f} ({longest:.0f}), engine {engine:.0f}" for middle, longest, engine in (new, same)
        ]
        lines.append(f"| {title} | {size} | {first:.0f} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
