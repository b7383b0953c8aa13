"""Restore microscopy images: deblur, refocus, super-resolution and denoising.

The names below are loaded on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_restoration.core.image import CalibratedImage
    from napari_restoration.core.io import read_image, write_image
    from napari_restoration.models.any_model import load_model
    from napari_restoration.models.registry import list_models
    from napari_restoration.tasks.compare import compare
    from napari_restoration.tasks.degrade import degrade
    from napari_restoration.tasks.diagnose import diagnose
    from napari_restoration.tasks.restore import restore
    from napari_restoration.tasks.trust import trust

__version__ = "0.1.0"

__all__ = [
    "CalibratedImage",
    "__version__",
    "compare",
    "degrade",
    "diagnose",
    "list_models",
    "load_model",
    "read_image",
    "restore",
    "trust",
    "write_image",
]

_HOME_OF = {
    "CalibratedImage": "napari_restoration.core.image",
    "compare": "napari_restoration.tasks.compare",
    "degrade": "napari_restoration.tasks.degrade",
    "diagnose": "napari_restoration.tasks.diagnose",
    "list_models": "napari_restoration.models.registry",
    "load_model": "napari_restoration.models.any_model",
    "read_image": "napari_restoration.core.io",
    "restore": "napari_restoration.tasks.restore",
    "trust": "napari_restoration.tasks.trust",
    "write_image": "napari_restoration.core.io",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value  # the next look-up no longer comes here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
