"""How long napari's event loop stands still while the Train widget trains, and while Restore works beside it.

The beat and the phases are those of `benchmarks.responsiveness`; each column is a process of its own with fresh
settings:

    xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" python -m benchmarks.responsiveness_training [--minutes 1]

Pairs are four drawn fields of 512 x 512 pixels with photon noise. "Window hidden" leaves out the drawing, which is done
in software where there is no GPU.
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
from benchmarks.responsiveness import Heartbeat, test_image, wait_until

_SIDE, _PAIRS = 512, 4
PHASES = {
    "start": "from the click to the first score (check, writing pairs, panel, crops)",
    "training": "training, curves and crops live",
    "restoring": "training, and restoring with another model beside it",
    "end": "the end: assessment, result card, crops taken away",
}


def measure(minutes, is_shown):
    """One training of shipped weights, and in its second half a restoration of another layer."""
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_restoration.gui._commands import open_restore_widget, open_train_widget
    from napari_restoration.training.report import EpochReport

    viewer = napari.Viewer(show=is_shown)
    application = QApplication.instance()
    pairs = []
    for number in range(_PAIRS):
        noisy, clean = pair(number)
        pairs.append(
            (
                viewer.add_image(noisy, name=f"field {number} noisy"),
                viewer.add_image(clean, name=f"field {number} clean"),
            )
        )
    stack = viewer.add_image(test_image(_SIDE, 4), name="stack")
    widget, restore = open_train_widget(viewer), open_restore_widget(viewer)
    restore.choose(stack, "denoise")
    widget.form.sources.choose("layers")
    widget.form.sources.pairs.match_by_name()
    widget.form.minutes.setValue(minutes)
    wait_until(application, lambda: True)
    # PyTorch is loaded once per session, which `benchmarks.responsiveness` measures.
    restore.form.restore_button.click()
    wait_until(application, lambda: restore.running is None)
    for _ in range(200):
        application.processEvents()

    heart, marks, epochs = Heartbeat(), {}, []
    start = time.perf_counter()
    widget.form.train_button.click()
    wait_until(application, lambda: widget.session.running is not None)
    widget.session.running.reported.connect(
        lambda reports: epochs.extend(heart.beats[-1] for one in reports if isinstance(one, EpochReport))
    )
    wait_until(application, lambda: epochs)
    marks["start"] = (start, epochs[0])
    half = start + 30 * minutes
    wait_until(application, lambda: time.perf_counter() > max(half, epochs[0] + 5) or widget.running is None)
    marks["training"] = (epochs[0], time.perf_counter())
    restore.form.restore_button.click()
    wait_until(application, lambda: restore.running is None)
    marks["restoring"] = (marks["training"][1], time.perf_counter())
    message = restore.form.message.text()
    wait_until(application, lambda: widget.running is None)
    for _ in range(300):
        application.processEvents()
        time.sleep(0.005)
    marks["end"] = (epochs[-1], time.perf_counter())
    report = {
        name: {
            "longest_ms": heart.longest_ms(*mark), "work_ms": heart.most_work_ms(*mark),
            "p99_ms": heart.quantile_ms(*mark, 0.99), "seconds": mark[1] - mark[0],
        }
        for name, mark in marks.items()
    }  # fmt: skip
    viewer.close()
    return {"phases": report, "epochs": len(epochs), "restored": message}


def pair(number):
    """A drawn field with few photons, and without noise."""
    from scipy import ndimage

    rng = np.random.default_rng([5, number])
    field = sum(
        ndimage.gaussian_filter(rng.random((_SIDE, _SIDE)) ** 30, sigma) * sigma**2 for sigma in (1, 2, 4)
    )
    light = 20 + 200 * field / field.max()
    return rng.poisson(light).astype(np.uint16), light.astype(np.float32)


def fresh_process(arguments, shown):
    with tempfile.TemporaryDirectory() as folder:
        names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME")
        environment = {
            **os.environ,
            "NAPARI_CONFIG": f"{folder}/settings.yaml",
            **dict.fromkeys(names, folder),
        }
        command = [sys.executable, "-m", "benchmarks.responsiveness_training", "--measure", shown]
        command += ["--minutes", str(arguments.minutes)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--measure", choices=("shown", "hidden"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.minutes, arguments.measure == "shown")))
        return
    load = os.getloadavg()[0]
    reports = [fresh_process(arguments, shown)["phases"] for shown in ("shown", "hidden")]
    print(f"Training for {arguments.minutes:g} min, {os.cpu_count()} CPU cores, load before: {load:.1f}.\n")
    print("| what | | window shown | window hidden | goal |\n| --- | --- | --- | --- | --- |")
    for name, words in PHASES.items():
        rows = (
            ("longest block", "longest_ms", "ms", "< 100 ms"), ("own work in the busiest block", "work_ms", "ms", ""),
            ("99 % of blocks under", "p99_ms", "ms", ""), ("time", "seconds", "s", ""),
        )  # fmt: skip
        for title, key, unit, goal in rows:
            shown, hidden = (f"{one[name][key]:.0f} {unit}" for one in reports)
            print(f"| {words} | {title} | {shown} | {hidden} | {goal} |")


if __name__ == "__main__":
    main()
