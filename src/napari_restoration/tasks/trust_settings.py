"""What a user can choose about trust maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError

if TYPE_CHECKING:
    from napari_restoration.degradations.presets import Preset

MOST_VIEWS = 8


@dataclass(frozen=True, kw_only=True)
class TrustSettings:
    """Choices for the maps; every default stands here and nowhere else.

    Parameters
    ----------
    offset_adu, gain_electrons_per_adu, read_noise_electrons : float, optional
        The camera, as far as it is known; the rest is estimated from the raw image.
    preset : Preset, optional
        Degrade steps that made the raw image: its optics is the blur, its camera the camera. Without it the blur is
        fitted to raw and restored image (none for a network that only removes noise).
    views : int
        Turned and mirrored copies of the image that are restored for comparison, up to 8; below 2 there are none.
    models : tuple of str or Path
        Further models of the same task, or checkpoints, whose results are compared as well.
    frames : bool
        Whether a burst is also restored with each of its frames left out.
    repeat : bool
        Whether a simulated raw image is restored to learn what a residual is expected to look like.
    seed : int
        Of the simulated noise.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    offset_adu: float | None = None
    gain_electrons_per_adu: float | None = None
    read_noise_electrons: float | None = None
    preset: Preset | None = None
    views: int = MOST_VIEWS
    models: tuple[str | Path, ...] = ()
    frames: bool = True
    repeat: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if (
            isinstance(self.views, bool)
            or not isinstance(self.views, int)
            or not 0 <= self.views <= MOST_VIEWS
        ):
            raise InputError(f"views is {self.views!r}: use a number from 0 (none) to {MOST_VIEWS}.")
        gain, read = self.gain_electrons_per_adu, self.read_noise_electrons
        if gain is not None and not 0 < gain < float("inf"):
            raise InputError(f"The gain is {gain} electrons a grey level: give a number above 0.")
        if read is not None and not 0 <= read < float("inf"):
            raise InputError(f"The read noise is {read} electrons: give 0 or more.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the provenance."""
        return {
            "offset_adu": self.offset_adu,
            "gain_electrons_per_adu": self.gain_electrons_per_adu,
            "read_noise_electrons": self.read_noise_electrons,
            "preset": None if self.preset is None else self.preset.to_dict(),
            "views": self.views,
            "models": [str(model) for model in self.models],
            "frames": self.frames,
            "repeat": self.repeat,
            "seed": self.seed,
        }
