import pytest
from tests.models.tiny_models import tiny_card
from torch.nn.modules.batchnorm import _BatchNorm

from napari_restoration.models.archs import ARCHITECTURES, build
from napari_restoration.models.archs.presets import preset
from napari_restoration.models.batch_norms import has_batch_norms
from napari_restoration.models.classical.catalogue import classical_cards

CHOICES = [(arch, {}) for arch in ARCHITECTURES] + [
    (arch, {"norm": norm}) for arch in ("unet256", "deblurgan-v2") for norm in ("instance", "batch")
]


@pytest.mark.parametrize(("arch", "changes"), CHOICES)
def test_cards_tell_of_batch_norms_what_the_networks_hold(arch, changes):
    args = preset(arch, "tiny", **changes)
    held = any(isinstance(module, _BatchNorm) for module in build(arch, **args).modules())
    assert has_batch_norms(tiny_card(arch, args=args)) == held


def test_classical_methods_have_none():
    assert not any(has_batch_norms(card) for card in classical_cards())
