"""What training without pairs needs: cycle and identity losses, and a pool of earlier outputs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_restoration.core.errors import InputError
from napari_restoration.training.losses._common import in_full_precision, need_same_shape


@in_full_precision
def cycle(reconstruction: Tensor, original: Tensor) -> Tensor:
    """``mean|G_t(G_s(s)) - s|``: there and back again should change nothing. One direction of the two.

    Source: Zhu 2017 (CycleGAN); "Correction of out-of-focus microscopic images by deep learning".
    """
    need_same_shape(reconstruction, original, ("reconstruction", "original"))
    return F.l1_loss(reconstruction, original)


@in_full_precision
def identity(output: Tensor, given: Tensor) -> Tensor:
    """``mean|G_s(t) - t|``: what is sharp already should stay as it is. Source: Zhu 2017 (CycleGAN)."""
    need_same_shape(output, given, ("output", "input"))
    return F.l1_loss(output, given)


class FakePool:
    """Earlier outputs of a generator, shown to the critic in place of half of the new ones.

    A critic that sees only the newest outputs forgets what it knew, and the two networks chase each other.
    Source: Shrivastava 2017; 50 images by Zhu 2017 (CycleGAN).

    Parameters
    ----------
    size : int
        Images kept; 0 passes every image on.
    seed : int
        Decides which images are exchanged.
    """

    def __init__(self, size: int = 50, *, seed: int) -> None:
        if size < 0:
            raise InputError(f"The pool of generated images has size {size}; give 0 or more.")
        self._size = size
        self._images: list[Tensor] = []
        self._rng = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self._images)

    def exchange(self, fakes: Tensor) -> Tensor:
        """Images for the critic in place of ``fakes`` ``(B, C, H, W)``; no gradient flows through them.

        Until the pool is full, images are kept and passed on. After that each is, with probability 1/2,
        kept in exchange for a random earlier one.

        Raises
        ------
        InputError
            If the images have another shape than those of the pool.
        """
        if self._images and self._images[0].shape != fakes.shape[1:]:
            raise InputError(
                f"The generated images have shape {tuple(fakes.shape[1:])}, those of the pool "
                f"{tuple(self._images[0].shape)}; keep one patch size during a training run."
            )
        return torch.stack([self._exchange(fake.detach()) for fake in fakes])

    def _exchange(self, fake: Tensor) -> Tensor:
        if len(self._images) < self._size:
            self._images.append(fake.clone())
            return fake
        # Both numbers are drawn for every image, so that the draws do not depend on each other.
        swap = torch.rand((), generator=self._rng) < 0.5
        place = int(torch.randint(max(self._size, 1), (), generator=self._rng))
        if not self._size or not swap:
            return fake
        earlier = self._images[place].to(fake)
        self._images[place] = fake.clone()
        return earlier

    def tensors(self) -> dict[str, Tensor]:
        """Everything that decides what `exchange` gives next, by name: ``rng`` and, unless empty, ``images``."""
        state = {"rng": self._rng.get_state()}
        return state | ({"images": torch.stack(self._images)} if self._images else {})

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up the state that `tensors` gave.

        Raises
        ------
        InputError
            If it holds more images than this pool.
        """
        images = list(tensors["images"]) if "images" in tensors else []
        if len(images) > self._size:
            raise InputError(
                f"The state holds {len(images)} images, the pool {self._size}; give equal sizes."
            )
        self._rng.set_state(tensors["rng"])
        self._images = [image.clone() for image in images]
