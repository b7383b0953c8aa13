"""A small adversarial network, trained for minutes on filaments in far too little light: it paints them into noise."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np

from napari_restoration.models.registry import find_card

ID = "adversarial-filaments"
_STEPS, _BATCH, _SIDE = 900, 8, 64
_ADVERSARIAL = 0.3
_PHOTONS = (2.0, 12.0)


def make_network(seed: int = 0, steps: int = _STEPS) -> Any:
    """Train the network and return it as a loaded model with the card of a denoiser.

    Parameters
    ----------
    seed : int
        Of weights, images and noise.
    steps : int
        Each of generator and critic.
    """
    import torch
    from torch.nn import functional

    from napari_restoration.models.archs import build
    from napari_restoration.models.archs.critics import build_critic
    from napari_restoration.models.loader import RestorationModel

    rng = np.random.default_rng(seed)
    settings = {"base": 8, "depth": 2, "kernel": 3, "probabilistic": False}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build("care", **settings)
        critic = build_critic("patch", channels=1, maps=16, halvings=2)
    builder = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.99))
    judge = torch.optim.Adam(critic.parameters(), lr=4e-4, betas=(0.5, 0.99))
    for step in range(steps):
        truth, noisy = (torch.from_numpy(array) for array in _batch(rng))
        made = network(noisy)
        judge.zero_grad()
        loss = functional.softplus(-critic(truth)).mean() + functional.softplus(critic(made.detach())).mean()
        loss.backward()
        judge.step()
        builder.zero_grad()
        error = functional.l1_loss(made, truth) + _ADVERSARIAL * functional.softplus(-critic(made)).mean()
        error.backward()
        builder.step()
        if step % 100 == 0:
            print(f"adversarial network, step {step}: {float(error):.3f}", file=sys.stderr)
    card, _ = find_card("denoise-care")
    card = replace(
        card, id=ID, title="Adversarial", arch_args=settings, laplace_scale=False, size_multiple=4, halo=64,
        receptive_field=64, weights_sha256="", trained_on=(), scores={},
    )  # fmt: skip
    return RestorationModel(card, network)


def _batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Filaments from 0 to 1, and the same with a few photons, each normalised like the network's inputs."""
    from scipy import ndimage

    truths, inputs = [], []
    for _ in range(_BATCH):
        drawn = np.zeros((_SIDE, _SIDE))
        for _ in range(int(rng.integers(3, 7))):
            at, angle = rng.uniform(0, _SIDE, 2), rng.uniform(0, 2 * np.pi)
            bend = rng.uniform(-0.02, 0.02)
            for _ in range(2 * _SIDE):
                row, column = np.rint(at).astype(int) % _SIDE
                drawn[row, column] = 1.0
                at += np.array([np.sin(angle), np.cos(angle)])
                angle += bend
        sharp = ndimage.gaussian_filter(drawn, 1.2, mode="wrap")
        sharp = np.clip(sharp / np.percentile(sharp, 99.5), 0, 1.2)
        photons = float(np.exp(rng.uniform(*np.log(_PHOTONS))))
        noisy = rng.poisson(photons * (sharp + 0.1)).astype(np.float64)
        low, high = np.percentile(noisy, (2, 99.8))
        truths.append((photons * (sharp + 0.1) - low) / (high - low + 1e-9))
        inputs.append((noisy - low) / (high - low + 1e-9))
    return (
        np.stack(truths)[:, None].astype(np.float32),
        np.stack(inputs)[:, None].astype(np.float32),
    )
