"""How long napari's event loop stands still while the Restore widget opens, loads PyTorch and restores.

A timer of the main thread beats every 5 ms; a block is the time between two beats. Each row is a process of its
own with fresh settings, on a virtual display where there is none:

    xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" python -m benchmarks.responsiveness [--side 1024]

"Window hidden" leaves out the drawing, which is done in software where there is no GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

BEAT_MS = 5
COMMAND = "python -m benchmarks.responsiveness"


class Heartbeat:
    """Records when the event loop was free; `longest` is the longest wait in a phase."""

    def __init__(self):
        from qtpy.QtCore import Qt, QTimer

        self.beats = [time.perf_counter()]
        self.work = [time.thread_time()]
        self.timer = QTimer()
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._beat)
        self.timer.start(BEAT_MS)

    def _beat(self):
        self.beats.append(time.perf_counter())
        self.work.append(time.thread_time())

    def most_work_ms(self, start, end):
        """Processor time of the main thread in its busiest block: what no idle machine could make shorter."""
        inside = [work for beat, work in zip(self.beats, self.work, strict=True) if start < beat < end]
        return float(max(np.diff(inside)) * 1e3)

    def longest_ms(self, start, end):
        inside = [start, *(beat for beat in self.beats if start < beat < end), end]
        return float(max(np.diff(inside)) * 1e3)

    def quantile_ms(self, start, end, quantile):
        inside = [start, *(beat for beat in self.beats if start < beat < end), end]
        return float(np.quantile(np.diff(inside), quantile) * 1e3)


def test_image(side, frames):
    """Smooth structures with photon noise, as a microscope gives them."""
    from scipy import ndimage

    rng = np.random.default_rng(0)
    field = sum(
        ndimage.gaussian_filter(rng.random((side, side)) ** 30, sigma) * sigma**2 for sigma in (1, 2, 4)
    )
    light = 200 * field / field.max()
    return np.stack([rng.poisson(light + 20) for _ in range(frames)]).astype(np.uint16)


def wait_until(application, condition, seconds=600):
    end = time.perf_counter() + seconds
    while not condition():
        application.processEvents()
        time.sleep(0.0005)
        if time.perf_counter() > end:
            raise TimeoutError("The restoration did not end.")


def measure(task, side, frames, is_shown):
    """One session: open the widget, restore for the first time, restore again."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=is_shown)
    application = QApplication.instance()
    viewer.add_image(test_image(side, frames), name="stack", contrast_limits=(0, 250))
    for _ in range(50):
        application.processEvents()

    started = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-restoration", "Restore")
    application.processEvents()
    opening = time.perf_counter() - started
    has_torch = "torch" in sys.modules

    widget.choose(task=task)
    heart = Heartbeat()
    rows = {}
    loaded = []

    def on_reports(reports):
        # Statistics are read once the model is loaded. The last beat before this one begins the next phase.
        if not loaded and any(report.message.startswith("Reading") for report in reports):
            loaded.append(heart.beats[-1])

    for name in ("first", "second"):
        start = time.perf_counter()
        widget.form.restore_button.click()
        widget.running.reported.connect(on_reports)
        wait_until(application, lambda: widget.running is None)
        end = time.perf_counter()
        begin = loaded[0] if name == "first" and loaded else start
        rows[name] = {
            "longest_ms": heart.longest_ms(begin, end),
            "work_ms": heart.most_work_ms(begin, end),
            "p99_ms": heart.quantile_ms(begin, end, 0.99),
            "seconds": end - start,
        }
        if name == "first":
            rows["loading"] = {"longest_ms": heart.longest_ms(start, begin), "seconds": begin - start}
    rows["preview"] = preview(widget, application)
    rows["cancel"] = cancel(widget, application)
    report = {"opening_s": opening, "torch_at_opening": has_torch, "rows": rows}
    report["message"] = widget.form.message.text()
    report["model"] = widget.form.models.card.id
    viewer.close()
    return report


def preview(widget, application):
    """Seconds from the click to the middle four tiles and to the whole view, model and statistics loaded."""
    arrived = []

    def on_reports(reports):
        arrived.extend(time.perf_counter() for report in reports if hasattr(report, "preview"))

    start = time.perf_counter()
    widget.form.preview_button.click()
    widget.running.reported.connect(on_reports)
    wait_until(application, lambda: widget.running is None)
    four = arrived[min(3, len(arrived) - 1)]
    return {"four_s": four - start, "all_s": time.perf_counter() - start, "tiles": len(arrived)}


def cancel(widget, application):
    """Seconds from the click on Cancel until the panel is at rest."""
    widget.form.restore_button.click()
    wait_until(
        application, lambda: widget.form.progress.bar.value() > 0 and widget.form.progress.bar.maximum() > 0
    )
    start = time.perf_counter()
    widget.form.progress.cancel_button.click()
    wait_until(application, lambda: widget.running is None)
    return {"seconds": time.perf_counter() - start}


def fresh_process(arguments, is_shown):
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NAPARI_CONFIG": f"{folder}/settings.yaml", "XDG_CONFIG_HOME": folder}
        command = [
            sys.executable,
            "-m",
            "benchmarks.responsiveness",
            "--measure",
            "shown" if is_shown else "hidden",
        ]
        command += [
            "--task",
            arguments.task,
            "--side",
            str(arguments.side),
            "--frames",
            str(arguments.frames),
        ]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="denoise")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--measure", choices=("shown", "hidden"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(
            json.dumps(
                measure(arguments.task, arguments.side, arguments.frames, arguments.measure == "shown")
            )
        )
        return
    reports = {"shown": fresh_process(arguments, True), "hidden": fresh_process(arguments, False)}
    size = f"{arguments.frames} x {arguments.side} x {arguments.side}"
    print(f"`{COMMAND} {' '.join(sys.argv[1:])}`".replace(" `", "`"))
    print(f"\nModel {reports['shown']['model']}, {size} pixels, {os.cpu_count()} CPU cores.\n")
    print("| what | window shown | window hidden | goal |\n| --- | --- | --- | --- |")

    def row(title, value, goal):
        print(f"| {title} | {value(reports['shown'])} | {value(reports['hidden'])} | {goal} |")

    row("opening the widget, torch not loaded", lambda r: f"{r['opening_s']:.2f} s", "< 1 s")
    row("torch loaded by opening", lambda r: "yes" if r["torch_at_opening"] else "no", "no")
    row(
        "first load of PyTorch and model: longest block",
        lambda r: f"{r['rows']['loading']['longest_ms']:.0f} ms",
        "< 1000 ms",
    )
    row("first load of PyTorch and model: time", lambda r: f"{r['rows']['loading']['seconds']:.1f} s", "")
    for name, title in (("first", "first restore after the load"), ("second", "second restore")):
        row(f"{title}: longest block", lambda r, n=name: f"{r['rows'][n]['longest_ms']:.0f} ms", "< 100 ms")
        row(
            f"{title}: own processor time in the busiest block",
            lambda r, n=name: f"{r['rows'][n]['work_ms']:.0f} ms",
            "",
        )
        row(f"{title}: 99 % of blocks under", lambda r, n=name: f"{r['rows'][n]['p99_ms']:.0f} ms", "")
        row(f"{title}: time", lambda r, n=name: f"{r['rows'][n]['seconds']:.1f} s", "")
    row(
        "preview of the whole view: middle four tiles",
        lambda r: f"{r['rows']['preview']['four_s']:.1f} s",
        "< 2 s",
    )
    row(
        "preview of the whole view: all tiles",
        lambda r: f"{r['rows']['preview']['all_s']:.1f} s ({r['rows']['preview']['tiles']})",
        "",
    )
    row(
        "cancel: from the click to rest",
        lambda r: f"{r['rows']['cancel']['seconds'] * 1e3:.0f} ms",
        "one tile + 100 ms",
    )


if __name__ == "__main__":
    main()
