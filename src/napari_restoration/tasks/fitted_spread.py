"""How far training pairs may stray from what was measured on one bad image."""

from __future__ import annotations

from dataclasses import replace

from napari_restoration.core.quantity import quantities
from napari_restoration.degradations.presets import Preset
from napari_restoration.degradations.step_choice import StepChoice
from napari_restoration.degradations.varied import Range
from napari_restoration.tasks.fitted_blur import FittedBlur

# Images of one session differ in light by about so much; a model that has seen a narrower range is easily misled.
_LIGHT = 2.0
_BLUR = 1.25
_MOTION = 1.25


def with_spread(preset: Preset, blur: FittedBlur | None) -> Preset:
    """Return a matched preset with ranges around its values, for pairs; the values themselves stay.

    Parameters
    ----------
    preset : Preset
        Filled with what was measured.
    blur : FittedBlur or None
        Where it has an interval for the defocus, that is the range.
    """
    defocus = (None, None) if blur is None else (blur.low_um, blur.high_um)
    spreads = {
        "to_photons": _around(preset, "to_photons", "peak_photons", _LIGHT),
        "gaussian_blur": _around(preset, "gaussian_blur", "sigma_px", _BLUR),
        "optical_blur": _around(preset, "optical_blur", "defocus_um", _BLUR, *defocus),
        "motion_blur": _around(preset, "motion_blur", "length_px", _MOTION),
    }
    steps = [
        replace(one, ranges={**one.ranges, **spreads[one.step.kind]})
        if _is_first(preset, one, spreads)
        else one
        for one in preset.steps
    ]
    return replace(preset, steps=tuple(steps))


def _is_first(preset: Preset, choice: StepChoice, spreads: dict[str, dict[str, Range]]) -> bool:
    if not choice.enabled or choice.step.kind not in spreads:
        return False
    return choice is next(one for one in preset.steps if one.enabled and one.step.kind == choice.step.kind)


def _around(
    preset: Preset, kind: str, name: str, factor: float, low: float | None = None, high: float | None = None
) -> dict[str, Range]:
    """A range of a field: what is given, widened to the factor on each side; none around zero."""
    choice = next((one for one in preset.steps if one.enabled and one.step.kind == kind), None)
    value = 0.0 if choice is None else float(getattr(choice.step, name))
    if choice is None or value <= 0:
        return {}
    bottom = min(value / factor, value if low is None else low)
    top = max(value * factor, value if high is None else high)
    spacing = "log" if quantities(choice.step)[name].logarithmic and bottom > 0 else "linear"
    return {name: Range(low=bottom, high=top, spacing=spacing)}  # type: ignore[arg-type]
