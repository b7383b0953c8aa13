"""Take the picture of the Train widget while it learns: a sample stack as pairs, curves and held-out crops.

    xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" python -m benchmarks.screenshots.train_widget

It opens napari, takes the noisy and the true stack of a sample as a pair, presses Train, and writes
docs/images/train_widget.png when the given share of the time is over. The sample is simulated and ships with the
package.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks.event_loop import wait

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "train_widget.png"
WINDOW = (1400, 820)


def take(path, *, sample, minutes, share, theme, result):
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_restoration.gui._commands import open_train_widget

    viewer = napari.Viewer()
    viewer.theme = theme
    application = QApplication.instance()
    viewer.window._qt_window.resize(*WINDOW)
    viewer.open_sample("napari-restoration", sample)
    truth, given = viewer.layers[0], viewer.layers[1]
    widget = open_train_widget(viewer)
    widget.form.sources.choose("layers")
    row = widget.form.sources.pairs.rows[0]
    row.given.choose(given)
    row.target.choose(truth)
    widget.form.minutes.setValue(minutes)
    wait(application, lambda: False, 1)
    widget.form.train_button.click()
    start = time.monotonic()
    wait(application, lambda: widget.session.running is not None or widget.running is None, 60)
    wait(application, lambda: widget.running is None, 60 * minutes * share + 10)
    viewer.screenshot(str(path), canvas_only=False, flash=False)
    if result is not None:
        wait(application, lambda: widget.running is None, 60 * minutes + 120)
        wait(application, lambda: False, 2)
        viewer.screenshot(str(result), canvas_only=False, flash=False)
    widget.cancel()
    wait(application, lambda: widget.running is None, 60)
    print(f"{path} after {time.monotonic() - start:.0f} s: {widget.form.message.text()}")
    viewer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", default="denoise")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--share", type=float, default=0.8)
    parser.add_argument("--theme", default="dark")
    parser.add_argument("-o", "--out", type=Path, default=PICTURE)
    parser.add_argument("--result", type=Path, help="a second picture, of the result card")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            os.environ[name] = folder
        os.environ["NAPARI_CONFIG"] = f"{folder}/napari.yaml"
        take(
            options.out, sample=options.sample, minutes=options.minutes, share=options.share, theme=options.theme,
            result=options.result,
        )  # fmt: skip


if __name__ == "__main__":
    main()
