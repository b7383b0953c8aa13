"""What spoils noise estimates - processed images, moving frames - and how often each flaw is found."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from benchmarks.estimates.objects import CleanObject
from scipy.ndimage import gaussian_filter, median_filter, shift, zoom

from napari_restoration.degradations.estimates.flaws import find_flaws
from napari_restoration.degradations.estimates.noise import estimate_camera
from napari_restoration.degradations.noise import Camera

Plane = npt.NDArray[np.float64]
Row = list[str]


def processed(objects: Sequence[CleanObject]) -> list[Row]:
    """Rows of the treatment, the share called unreliable, the gain's error and the noise correlation."""
    rows = []
    for name, treat, factor in _TREATMENTS:
        unreliable, error, correlation, grid = [], [], [], []
        for number, clean in enumerate(objects):
            camera = Camera(offset_adu=20, read_noise_electrons=2, bits=8)
            image = np.rint(
                treat(camera(clean.blurred(1.5) * 200, np.random.default_rng(number)).astype(float))
            )
            found, flaws = estimate_camera(image), find_flaws(image)
            unreliable.append(not found.is_reliable)
            if found.gain_electrons_per_adu is not None:
                error.append(found.gain_electrons_per_adu / factor)
            correlation.append(flaws.noise_correlation or 0.0)
            grid.append(flaws.jpeg_grid)
        rows.append([
            name, f"{sum(unreliable)}/{len(objects)}", f"{np.median(error):.2f}",
            f"{np.median(correlation):+.3f}", f"{np.min(correlation):+.3f} ... {np.max(correlation):+.3f}",
                f"{np.min(grid):.1f} ... {np.max(grid):.1f}",
        ])  # fmt: skip
    return rows


def frames(objects: Sequence[CleanObject]) -> list[Row]:
    """Series of six frames of phantoms without blur, still or moved: recognised how often, and the gain's error."""
    rows = []
    unblurred = [clean for clean in objects if clean.blur_px == 0]
    for name, step, fading in (
        ("still", 0.0, 1.0),
        ("moved by 0.1 px a frame", 0.1, 1.0),
        ("moved by 0.5 px a frame", 0.5, 1.0),
        ("moved by 2 px a frame", 2.0, 1.0),
        ("fading by 3 % a frame", 0.0, 0.97),
    ):
        for peak in (20.0, 500.0):
            camera = Camera(offset_adu=100, read_noise_electrons=2, gain_electrons_per_adu=0.5, bits=16)
            temporal, reliable, errors = 0, 0, []
            for number, clean in enumerate(unblurred):
                rng = np.random.default_rng(number)
                series = [camera(peak * fading**t * _moved(clean.plane, step * t), rng) for t in range(6)]
                found = estimate_camera(series)
                temporal += found.is_temporal
                reliable += found.is_reliable
                errors.append(abs((found.gain_electrons_per_adu or 0.0) / 0.5 - 1))
            count = len(unblurred)
            rows.append([
                name, f"{peak:g}", f"{temporal}/{count}", f"{reliable}/{count}",
                f"{100 * np.median(errors):.1f} %", f"{100 * np.max(errors):.1f} %",
            ])  # fmt: skip
    return rows


def emptiness() -> list[Row]:
    """False alarms on planes of noise, and hits on planes with one spot or weak texture."""
    rows = []
    for side, repeats in ((32, 400), (128, 200), (512, 40)):
        for name, electrons, read, offset in (
            ("read noise alone", 0.0, 5.0, 100.0),
            ("0.2 counts a pixel", 0.2, 0.0, 0.0),
            ("2 electrons and read noise 1", 2.0, 1.0, 100.0),
            ("100 electrons and read noise 2", 100.0, 2.0, 100.0),
        ):
            wrong = 0
            hits = dict.fromkeys((2, 4, 8), 0)
            for seed in range(repeats):
                rng = np.random.default_rng([side, seed])
                camera = Camera(offset_adu=offset, read_noise_electrons=read, bits=16)
                flat = np.full((side, side), electrons)
                wrong += not find_flaws(camera(flat, rng)).is_empty
                if electrons == 2:
                    for height in hits:
                        spot = np.zeros((side, side))
                        spot[side // 2, side // 2] = height * 2 * np.pi * 1.5**2
                        hits[height] += not find_flaws(
                            camera(flat + gaussian_filter(spot, 1.5), rng)
                        ).is_empty
            found = [f"{100 * hits[h] / repeats:.0f} %" if electrons == 2 else "" for h in hits]
            rows.append([f"{side}", name, f"{repeats}", f"{100 * wrong / repeats:.1f} %", *found])
    return rows


def clipping(objects: Sequence[CleanObject]) -> list[Row]:
    """Saturation and cut darkness: share of planes in which they are found, by their true extent."""
    rows = []
    for name, gain, offset, top in (
        ("none (16 bits)", 1.0, 100.0, 65535.0),
        ("1 % above 4095 in 16 bits", None, 100.0, 4095.0),
        ("0.1 % above 4095 in 16 bits", None, 100.0, 4095.0),
        ("1 % above 255", None, 10.0, 255.0),
        ("offset 0, read noise 3 levels", 1.0, 0.0, 65535.0),
    ):
        saturated, dark, truly_dark, ratio = 0, 0, 0, []
        for number, clean in enumerate(objects):
            share = 1.0 if name.startswith("1 %") else 0.1
            plane = clean.blurred(1.5)
            reach = float(np.percentile(plane, 100 - share))
            scale = (top - offset) / reach if gain is None else 1000.0
            camera = Camera(offset_adu=offset, read_noise_electrons=3)
            image = np.rint(np.clip(camera(plane * scale, np.random.default_rng(number)), 0, top))
            found = find_flaws(image.astype(np.uint16))
            saturated += found.saturated_share > 0
            is_dark = float(np.mean(image == 0)) > 0.05
            truly_dark += is_dark
            dark += is_dark and found.clipped_dark_share > 0
            truth = float(np.mean(image == top))
            if truth > 0 and found.saturated_share > 0:
                ratio.append(found.saturated_share / truth)
        count = len(objects)
        rows.append([
            name, f"{saturated}/{count}", f"{np.median(ratio):.2f}" if ratio else "", f"{dark}/{truly_dark}",
        ])  # fmt: skip
    return rows


def sampling(objects: Sequence[CleanObject]) -> list[Row]:
    """Share of planes called undersampled by blur, of phantoms that were drawn without any."""
    rows = []
    unblurred = [clean for clean in objects if clean.blur_px == 0]
    for blur in (0.0, 0.3, 0.5, 0.7, 1.0, 1.5, 2.5):
        row = [f"{blur:g}"]
        for peak in (20.0, 200.0, 2000.0):
            flagged, shares = 0, []
            for number, clean in enumerate(unblurred):
                camera = Camera(offset_adu=100, read_noise_electrons=2, bits=16)
                found = find_flaws(camera(clean.blurred(blur) * peak, np.random.default_rng(number)))
                flagged += found.is_undersampled
                shares.append(found.nyquist_share)
            row += [f"{flagged}/{len(unblurred)}", f"{np.median(shares):.4f}"]
        rows.append(row)
    return rows


def _moved(plane: Plane, pixels: float) -> Plane:
    return np.maximum(shift(plane, (0, pixels), order=1, mode="nearest"), 0)


def _jpeg(quality: int) -> Callable[[Plane], Plane]:
    def compress(plane: Plane) -> Plane:
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(plane.clip(0, 255).astype(np.uint8)).save(stream, "jpeg", quality=quality)
        return np.asarray(Image.open(stream)).astype(float)

    return compress


def _binned(plane: Plane) -> Plane:
    return plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2].reshape(
        plane.shape[0] // 2, 2, plane.shape[1] // 2, 2
    ).mean(axis=(1, 3))  # fmt: skip


# Name, treatment, gain that the treated image should have if only grey levels were averaged.
_TREATMENTS: tuple[tuple[str, Callable[[Plane], Plane], float], ...] = (
    ("none", lambda plane: plane, 1.0),
    ("JPEG 95", _jpeg(95), 1.0),
    ("JPEG 85", _jpeg(85), 1.0),
    ("JPEG 60", _jpeg(60), 1.0),
    ("Gaussian 0.4 px", lambda plane: gaussian_filter(plane, 0.4), 1.0),
    ("Gaussian 0.7 px", lambda plane: gaussian_filter(plane, 0.7), 1.0),
    ("Gaussian 1.5 px", lambda plane: gaussian_filter(plane, 1.5), 1.0),
    ("shifted by half a pixel, linear", lambda plane: shift(plane, 0.5, order=1, mode="nearest"), 1.0),
    ("enlarged twice, linear", lambda plane: zoom(plane, 2, order=1), 1.0),
    ("enlarged 1.3 times, cubic", lambda plane: zoom(plane, 1.3, order=3), 1.0),
    ("median of 3 x 3", lambda plane: median_filter(plane, 3), 1.0),
    ("unsharp mask", lambda plane: 2 * plane - gaussian_filter(plane, 1), 1.0),
    ("square root of the grey levels", lambda plane: np.sqrt(255 * plane), 1.0),
    ("mean of 2 x 2 pixels (gain 4)", _binned, 4.0),
)
