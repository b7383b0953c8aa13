"""From the Degrade panel's controls and the viewer to what the engine is asked for. Main thread, no pixels read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._degrade_form import DegradeForm
from napari_restoration.gui._degrade_runs import DegradeOrder, PairsOrder
from napari_restoration.gui._layers import METADATA_KEY, guess_layer_axes, is_restorable, layer_to_image

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_restoration.degradations.presets import Preset
    from napari_restoration.tasks.degrade import DegradeSettings, Degrading


def image_of(form: DegradeForm) -> CalibratedImage:
    """The chosen image, with the axes as the user names them.

    Raises
    ------
    InputError
        If there is none, or its axes do not fit.
    """
    layer = form.layer_combo.layer
    if layer is None:
        raise InputError(
            "There is no image to degrade: open a good one, or take one from File > Open Sample > Restoration."
        )
    return layer_to_image(layer, form.axes_row.override)


def make_order(form: DegradeForm, earlier: Degrading | None, **view: Any) -> DegradeOrder:
    """What the controls ask for.

    Parameters
    ----------
    form : DegradeForm
        The controls.
    earlier : Degrading, optional
        What was prepared before.
    **view
        Further fields of `DegradeOrder`.

    Raises
    ------
    InputError
        If something that was set is not allowed.
    """
    image = image_of(form)
    return DegradeOrder(
        image=image, preset=form.presets.value(), settings=_settings(form), earlier=earlier, **view
    )


def missing_lengths(image: CalibratedImage, preset: Preset, settings: DegradeSettings) -> dict[str, bool]:
    """Which fields of the calibration have to be filled in, as arguments of `CalibrationRow.mark`."""
    known: Mapping[str, float] = image.pixel_size_um
    sides = [known[axis] for axis in "YX" if axis in known]
    is_square = bool(sides) and max(sides) - min(sides) <= 1e-3 * max(sides)
    needs_pixel = settings.pixel_size_um is None and not is_square
    needs_step = settings.volume is True and settings.z_step_um is None and "Z" not in known
    return {
        "needs_pixel_size": needs_pixel and preset.forward_model().needs_pixel_size,
        "needs_z_step": needs_step,
    }


def make_pairs_order(viewer: ViewerModel, form: DegradeForm) -> PairsOrder:
    """Which pairs the controls ask for.

    What the user typed about calibration holds for the chosen image and for layers that know nothing about theirs; of
    files it replaces what they say.

    Raises
    ------
    InputError
        If something that was set is not allowed, or a folder is not chosen.
    """
    from napari_restoration.tasks.pairs import PairSettings

    source_folder, folder = form.pairs.folders()
    calibration = form.calibration.value()
    images: list[CalibratedImage] = []
    if not form.pairs.is_of_files:
        images = _good_images(viewer, form, calibration)
    typed = calibration if form.pairs.is_of_files else {"volume": calibration["volume"]}
    return PairsOrder(
        images=images,
        source_folder=source_folder,
        preset=form.presets.value(),
        settings=PairSettings(seed=int(form.seed.value()), **form.pairs.value(), **typed),
        folder=folder,
        overwrite=form.pairs.overwrite.isChecked(),
    )


def _settings(form: DegradeForm) -> DegradeSettings:
    from napari_restoration.tasks.degrade import DegradeSettings

    return DegradeSettings(seed=int(form.seed.value()), **form.calibration.value())


def _good_images(
    viewer: ViewerModel, form: DegradeForm, calibration: Mapping[str, Any]
) -> list[CalibratedImage]:
    chosen = form.layer_combo.layer
    if not form.pairs.is_of_all_layers:
        return [_calibrated(image_of(form), calibration, replaces=True)]
    layers = [layer for layer in viewer.layers if is_restorable(layer) and layer.visible]
    images = []
    for layer in layers:
        if layer is chosen:
            images.append(_calibrated(image_of(form), calibration, replaces=True))
        elif not _is_degraded(layer):
            axes = guess_layer_axes(layer)
            images.append(_calibrated(layer_to_image(layer, axes), calibration, replaces=False))
    if not images:
        raise InputError(
            "No image layer is visible: show the good images, or choose another source of pairs."
        )
    return images


def _calibrated(image: CalibratedImage, calibration: Mapping[str, Any], *, replaces: bool) -> CalibratedImage:
    """The image with the lengths that were typed, so that the files know them too."""
    typed = {"Y": calibration["pixel_size_um"], "X": calibration["pixel_size_um"]}
    if "Z" in image.axes:
        typed["Z"] = calibration["z_step_um"]
    given = {axis: length for axis, length in typed.items() if length is not None}
    known = dict(image.pixel_size_um)
    return image.replace(pixel_size_um={**known, **given} if replaces else {**given, **known})


def _is_degraded(layer: Layer) -> bool:
    return bool(layer.metadata.get(METADATA_KEY, {}).get("task") == "degrade")
