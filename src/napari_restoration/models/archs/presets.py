"""Named settings of the networks, readable without torch.

``paper`` is the published network, ``default`` ours for two CPU cores (a 512x512 plane in a few seconds),
``tiny`` one for tests. The figures beside the defaults count a multiplication and an addition as two
operations per input pixel (of each frame for bursts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from napari_restoration.core.errors import ModelError

Preset = Literal["paper", "default", "tiny"]

PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "bu": {
        "paper": {},
        "default": {"first": 32, "upsampling": "nearest_conv"},
        "tiny": {"first": 12, "upsampling": "nearest_conv"},
    },
    "bdu": {
        "paper": {},
        "default": {"first": 24, "growth": 16, "layers": 2, "depth": 3},
        "tiny": {"first": 16, "growth": 8, "layers": 2, "depth": 2},
    },
    "c2f": {
        "paper": {"channels": 2},
        "default": {"levels": 3, "base": 32, "depth": 3},
        "tiny": {"levels": 2, "base": 8, "depth": 4},
    },
    "care": {
        "paper": {},
        "default": {"kernel": 3, "depth": 3},
        "tiny": {"base": 8, "kernel": 3},
    },
    "rrdb": {
        "paper": {},
        "default": {"maps": 24, "growth": 12, "blocks": 3},
        "tiny": {"maps": 16, "growth": 8, "blocks": 2},
    },
    # Percentile-normalised images go beyond 1 where they are brightest: only the papers' own range is clamped.
    "resnet": {
        "paper": {},
        "default": {"maps": 32, "blocks": 6, "clamp": False},
        "tiny": {"maps": 16, "blocks": 3, "clamp": False},
    },
    "unet256": {
        "paper": {},
        "default": {"base": 20, "depth": 6},
        "tiny": {"base": 16, "depth": 4},
    },
    "deblurgan-v2": {
        "paper": {},
        "default": {},
        "tiny": {"maps": 16, "divide": 4},
    },
    "deepdeblur": {
        "paper": {"channels": 3},
        "default": {"maps": 32, "blocks": 6},
        "tiny": {"maps": 8, "blocks": 2},
    },
}

CRITIC_PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "patch": {"paper": {}, "default": {"maps": 32}, "tiny": {"maps": 16, "halvings": 2}},
    "patch-released": {"paper": {}, "default": {"maps": 32}, "tiny": {"maps": 8, "hidden": 16}},
    "patch-pair": {
        "paper": {},
        "default": {"maps": 32},
        "tiny": {"maps": 8, "halvings_patch": 1, "halvings_full": 2},
    },
    "vgg": {"paper": {}, "default": {"maps": 32}, "tiny": {"maps": 8, "side": 32}},
}
"""Named settings of the critics, as `PRESETS`."""


def preset(arch: str, name: Preset = "default", **changes: Any) -> dict[str, Any]:
    """Settings for ``archs.build(arch, **settings)``: a named preset with `changes` applied.

    Raises
    ------
    ModelError
        Unknown architecture or preset.
    """
    if arch not in PRESETS:
        raise ModelError(f"Architecture {arch!r} is unknown; known are {', '.join(PRESETS)}.")
    if name not in PRESETS[arch]:
        raise ModelError(f"Preset {name!r} is unknown; {arch} has {', '.join(PRESETS[arch])}.")
    return {**PRESETS[arch][name], **changes}
