"""Small models with random weights."""

from dataclasses import replace
from typing import Any

import torch

from napari_restoration.models.archs import build, geometry
from napari_restoration.models.archs.presets import preset
from napari_restoration.models.card import WHOLE_IMAGE_OVERLAP, ModelCard

TASK_OF = {
    "bu": "deblur",
    "bdu": "deblur",
    "c2f": "refocus",
    "care": "denoise",
    "rrdb": "superres",
    "resnet": "refocus",
    "unet256": "refocus",
    "deblurgan-v2": "deblur",
    "deepdeblur": "deblur",
}


def tiny_card(arch: str, *, id: str = "", args: dict[str, Any] | None = None, **changes: Any) -> ModelCard:
    args = preset(arch, "tiny") if args is None else args
    shape = geometry(arch, **args)
    card = ModelCard(
        id=id or f"tiny-{arch}",
        title=f"Tiny {arch}",
        description="Random weights for tests.",
        task=TASK_OF[arch],
        arch=arch,
        arch_args=args,
        ndim=shape.ndim,
        in_channels=shape.in_channels,
        out_channels=shape.out_channels,
        laplace_scale=shape.laplace_scale,
        frames=3 if shape.burst else None,
        scale=shape.scale,
        size_multiple=shape.size_multiple,
        halo=max(WHOLE_IMAGE_OVERLAP, shape.receptive_field) if shape.whole_image else shape.receptive_field,
        whole_image=shape.whole_image,
        training_size=512 if shape.whole_image else None,
        receptive_field=shape.receptive_field,
        trained_on=({"name": "nothing", "license": "CC0"},),
    )
    return replace(card, **changes)


def shaken_network(arch: str, args: dict[str, Any], seed: int = 0) -> torch.nn.Module:
    """A network whose norms are no identities, as after training."""
    torch.manual_seed(seed)
    network = build(arch, **args)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return network.eval()
