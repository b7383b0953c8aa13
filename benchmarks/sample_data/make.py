"""Make the sample stacks: draw phantoms, degrade them, write calibrated TIFF files with their ground truth.

    python benchmarks/sample_data/make.py [--out sample_data] [KEY ...]

Every sample has a fixed seed, so that the same files come out again. Units: photons or electrons in the
phantom, camera grey levels in input and truth. The truth is the noise-free image that an ideal instrument
would give on the same camera: no motion, in focus, twice the resolution, or without noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from napari_restoration.degradations.convolution import convolve, convolve_frames
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.motion import MotionBlur
from napari_restoration.degradations.noise import Camera
from napari_restoration.degradations.optics import GaussianBlur
from napari_restoration.degradations.phantom.drawing import Field
from napari_restoration.degradations.phantom.em_section import draw_em_section
from napari_restoration.degradations.phantom.filaments import draw_actin, draw_microtubules
from napari_restoration.degradations.phantom.mitochondria import draw_moving_mitochondria
from napari_restoration.degradations.phantom.nuclei import draw_nuclei
from napari_restoration.degradations.psf import airy_psf, debye_psf
from napari_restoration.degradations.sampling import Binning, Exposure, bin_mean

SIZE = 256
SCMOS = {"gain_electrons_per_adu": 0.46, "offset_adu": 100.0, "bits": 16}


@dataclass(frozen=True)
class Made:
    """One sample: stacks ``input`` and ``truth`` in grey levels (uint16) with their calibration."""

    input: np.ndarray
    truth: np.ndarray
    axes: str
    pixel_size_um: float
    truth_pixel_size_um: float
    plane_distance_um: float | None = None
    frame_interval_s: float | None = None
    channels: tuple[str, ...] = ()


def make_deblur(seed: int = 17) -> Made:
    """Ten frames of an EM section while the stage moves on an irregular path."""
    rng = np.random.default_rng(seed)
    pixel, margin, frames = 0.012, 64, 10
    section = draw_em_section(Field((SIZE + 2 * margin,) * 2, pixel), rng, electrons=160.0)
    model = ForwardModel.in_light_path_order(
        GaussianBlur(sigma_px=0.6),
        MotionBlur(length_px=7.0, vibration_px=0.6, frames=frames, registered=False),
        Camera(read_noise_electrons=2.0, gain_electrons_per_adu=1.0, offset_adu=50.0, bits=16),
    )
    degraded = model.degrade(section, rng)
    # The stage wanders out of the field, never out of what was drawn.
    motion = degraded.model.steps[1]
    assert isinstance(motion, MotionBlur)
    assert np.abs(motion.kernels()[1]).max() < margin
    middle = np.s_[:, margin : margin + SIZE, margin : margin + SIZE]
    return _made(degraded.input[middle], degraded.target[middle], "TYX", pixel, frame_interval_s=0.015)


def make_refocus(seed: int = 22) -> Made:
    """Nuclei and actin at three distances from the focus, 20x / 0.75 in air."""
    rng = np.random.default_rng(seed)
    pixel, fine = 0.325, 2
    field = Field((SIZE * fine,) * 2, pixel / fine)
    objects = [
        draw_nuclei(field, rng, peak_photons=900.0 / fine**2),
        draw_actin(
            field, rng, peak_photons=700.0 / fine**2, bundles_per_100_um2=2.0, radius_um=0.15, cortex=0.35
        ),
    ]
    planes, truths = [], []
    for defocus_um in (1.0, 2.0, 3.0):
        for specimen, wavelength_um in zip(objects, (0.46, 0.52), strict=True):
            blurred, sharp = (
                _widefield(specimen, 0.75, 1.0, wavelength_um, pixel / fine, fine, z, background=30.0)
                for z in (defocus_um, 0.0)
            )
            camera = Camera(quantum_efficiency=0.8, read_noise_electrons=1.6, **SCMOS)
            planes.append(camera(blurred, rng))
            truths.append(camera.expectation(sharp))
    shape = (3, 2, SIZE, SIZE)
    return _made(
        np.reshape(planes, shape),
        np.reshape(truths, shape),
        "ZCYX",
        pixel,
        plane_distance_um=1.0,
        channels=("nuclei", "actin"),
    )


def make_superres(seed: int = 33) -> Made:
    """Microtubules under an oil objective of NA 1.4 at three time points; the truth has twice the pixels."""
    rng = np.random.default_rng(seed)
    pixel, fine_pixel, size, margin = 0.08, 0.04, 176, 8
    na, wavelength_um = 1.4, 0.58
    cell = draw_microtubules(
        Field((2 * (size + 2 * margin),) * 2, fine_pixel),
        rng,
        peak_photons=500.0,
        per_100_um2=26.0,
        radius_um=0.025,
    )
    widefield = debye_psf(na, 1.518, wavelength_um, fine_pixel, integrate=False)
    # Structured illumination doubles the cut-off of the transfer function: an Airy pattern of half the size.
    resolved = airy_psf(na, wavelength_um / 2, fine_pixel, integrate=False)
    # The stage drifts slowly, so that no two frames sample the same places.
    drift = np.array([[0.0, 0.0], [1.3, -0.7], [2.1, -1.8]])
    seen, sharp = (
        convolve_frames(convolve(cell, psf), np.ones((3, 1, 1)), drift) for psf in (widefield, resolved)
    )
    # Bright enough that no pixel expects fewer than 20 electrons, where the draws would depend on each other.
    light = Exposure(background_photons=26.0)
    camera = Camera(quantum_efficiency=0.8, read_noise_electrons=1.6, **SCMOS)
    noisy = camera(light.expectation(bin_mean(seen, 2)), rng)
    truth = camera.expectation(light.expectation(sharp))
    return _made(
        noisy[:, margin:-margin, margin:-margin],
        truth[:, 2 * margin : -2 * margin, 2 * margin : -2 * margin],
        "TYX",
        pixel,
        truth_pixel=fine_pixel,
        frame_interval_s=1.0,
    )


def make_denoise(seed: int = 44) -> Made:
    """Mitochondria at a dose of a few photons a pixel, six time points."""
    rng = np.random.default_rng(seed)
    pixel = 0.08
    cell = draw_moving_mitochondria(
        Field((SIZE, SIZE), pixel), rng, times=6, peak_photons=15.0, per_100_um2=22.0
    )
    sharp = convolve(cell, debye_psf(1.4, 1.518, 0.6, pixel))
    seen = Exposure(background_photons=1.0).expectation(sharp)
    camera = Camera(
        quantum_efficiency=0.8,
        read_noise_electrons=1.6,
        gain_electrons_per_adu=0.25,
        offset_adu=100.0,
        bits=16,
    )
    return _made(camera(seen, rng), camera.expectation(seen), "TYX", pixel, frame_interval_s=2.0)


MAKERS: dict[str, Callable[[], Made]] = {
    "deblur": make_deblur,
    "refocus": make_refocus,
    "superres": make_superres,
    "denoise": make_denoise,
}


def write(made: Made, folder: Path, key: str) -> None:
    """Write ``KEY_input.tif`` and ``KEY_truth.tif``, ImageJ hyperstacks with zlib compression."""
    _write(folder / f"{key}_input.tif", made.input, made, made.pixel_size_um)
    _write(folder / f"{key}_truth.tif", made.truth, made, made.truth_pixel_size_um)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the sample stacks of the package.")
    parser.add_argument("keys", nargs="*", choices=[*MAKERS, []], help="samples to make; all by default")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[2] / "sample_data")
    chosen = parser.parse_args()
    for key in chosen.keys or MAKERS:
        write(MAKERS[key](), chosen.out, key)
        print(f"{chosen.out / key}_input.tif and its truth")


def _widefield(
    specimen: np.ndarray,
    na: float,
    index: float,
    wavelength_um: float,
    pixel_um: float,
    binning: int,
    defocus_um: float,
    background: float,
) -> np.ndarray:
    lit = Exposure(background_photons=background / binning**2).expectation(specimen)
    psf = debye_psf(na, index, wavelength_um, pixel_um, defocus_um, integrate=False)
    return Binning(factor=binning, mode="sum").expectation(convolve(lit, psf))


def _made(
    degraded: np.ndarray,
    truth: np.ndarray,
    axes: str,
    pixel: float,
    *,
    truth_pixel: float | None = None,
    plane_distance_um: float | None = None,
    frame_interval_s: float | None = None,
    channels: tuple[str, ...] = (),
) -> Made:
    # Whole grey levels keep the files small; rounding is far below the noise that the camera adds.
    return Made(
        np.asarray(degraded, dtype=np.uint16),
        np.asarray(np.rint(truth), dtype=np.uint16),
        axes,
        pixel,
        truth_pixel or pixel,
        plane_distance_um,
        frame_interval_s,
        channels,
    )


def _write(path: Path, stack: np.ndarray, made: Made, pixel_um: float) -> None:
    metadata: dict[str, object] = {
        "axes": made.axes,
        "unit": "um",
        "Info": "Simulated by napari-restoration, benchmarks/sample_data/make.py; no microscope took this image.",
    }
    if made.plane_distance_um is not None:
        metadata["spacing"] = made.plane_distance_um
    if made.frame_interval_s is not None:
        metadata["finterval"] = made.frame_interval_s
    if made.channels:
        metadata["Labels"] = list(made.channels) * (len(stack))
    tifffile.imwrite(
        path,
        stack,
        imagej=True,
        resolution=(1 / pixel_um, 1 / pixel_um),
        metadata=metadata,
        compression="zlib",
        predictor=True,
        compressionargs={"level": 9},
    )


if __name__ == "__main__":
    main()
