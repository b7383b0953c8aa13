"""Small models saved as a user's model folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.models.tiny_models import shaken_network, tiny_card

from napari_restoration.models.store import save_model_folder


@pytest.fixture
def save_tiny(tmp_path: Path) -> Callable[..., Path]:
    """``save_tiny(arch, half=..., change=..., **card fields)`` -> a model folder.

    ``change`` may edit the state, a dict of arrays, before it is written.
    """

    def save(
        arch: str,
        *,
        half: bool = False,
        args: dict[str, Any] | None = None,
        change: Callable[[dict[str, Any]], None] | None = None,
        folder: Path | None = None,
        **fields: Any,
    ) -> Path:
        card = tiny_card(arch, args=args, **fields)
        state = {
            name: value.numpy()
            for name, value in shaken_network(arch, dict(card.arch_args)).state_dict().items()
        }
        if change:
            change(state)
        folder = folder or tmp_path / card.id
        save_model_folder(folder, card, state, half=half)
        return folder

    return save
