"""How fast the Compare panel's wipe and line profile follow, on two stacks of 2048 x 2048 pixels:

    xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" python -m benchmarks.compare_wipe

A move sets the slider and nothing else; drawing the frame is timed apart, since it is done in software where there is
no graphics card. The layers are noise, uint16 and float32, in a window of 1400 x 900.
"""

import os
import tempfile
import time
import tracemalloc

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

SIDE, PLANES, WINDOW = 2048, 10, (1400, 900)
COMMAND = 'xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX" python -m benchmarks.compare_wipe'


def measure():
    import napari
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    from napari_restoration.gui.compare_widget import CompareWidget

    viewer = napari.Viewer()
    viewer.window._qt_window.resize(*WINDOW)
    rng = np.random.default_rng(0)
    shape = (PLANES, SIDE, SIDE)
    viewer.add_image(rng.integers(0, 4000, shape).astype(np.uint16), name="before")
    viewer.add_image(rng.random(shape, dtype=np.float32), name="after", contrast_limits=(0, 1))
    widget = CompareWidget(viewer)
    viewer.window.add_dock_widget(widget)
    QTest.qWait(500)
    viewer.reset_view()
    QTest.qWait(300)
    canvas = viewer.window._qt_viewer.canvas

    def drawn():
        start = time.perf_counter()
        canvas._scene_canvas.update()
        canvas.native.grabFramebuffer()
        return time.perf_counter() - start

    drawn()
    found = {"a frame of both layers, no wipe": median_ms(drawn() for _ in range(20))}
    widget.form.modes["wipe"].click()
    QTest.qWait(500)
    moves, frames = [], []
    for place in range(100, 900, 20):
        start = time.perf_counter()
        widget.form.slider.setValue(place)
        moves.append(time.perf_counter() - start)
        frames.append(drawn())
    found["a move of the slider"] = median_ms(moves)
    found["a frame with the wipe"] = median_ms(frames)
    count, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < 4:
        widget.form.slider.setValue(200 + (13 * count) % 600)
        QApplication.processEvents()
        count += 1
    shown = count / seconds
    tracemalloc.start()
    for place in range(100, 900, 20):
        widget.form.slider.setValue(place)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    widget.form.profile_section.set_open(True)
    widget.profile.draw()
    QTest.qWait(300)
    profiles = []
    for _ in range(40):
        start = time.perf_counter()
        widget.profile.update_profile()
        profiles.append(time.perf_counter() - start)
    found["an update of the line profile"] = median_ms(profiles)
    viewer.close()
    return found, shown, memory


def median_ms(seconds):
    return float(np.median(list(seconds)) * 1e3)


def main():
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_CONFIG"], os.environ["XDG_CONFIG_HOME"] = f"{folder}/napari.yaml", folder
        found, shown, memory = measure()
    print(f"# The wipe\n\nMade by\n\n    {COMMAND}\n")
    print(
        f"{PLANES} x {SIDE} x {SIDE} pixels, {os.cpu_count()} CPU cores, load before: {load:.1f}, software drawing.\n"
    )
    print("| what | median |\n| --- | --- |")
    for what, milliseconds in found.items():
        print(f"| {what} | {milliseconds:.2f} ms |")
    print(
        f"\n{shown:.0f} moves a second are seen; 40 moves took {memory / 1e3:.0f} kB of Python's memory at most."
    )


if __name__ == "__main__":
    main()
