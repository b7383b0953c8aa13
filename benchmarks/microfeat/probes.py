"""What features know: linear classifiers and regressions on them, for networks and for a plain power spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_restoration.core.spectrum import power_spectrum, radial_mean
from napari_restoration.models.archs.features import FeatureNetwork
from napari_restoration.training.microfeat_patches import Samples

Float = npt.NDArray[np.float32]
_RINGS = 32


@dataclass(frozen=True)
class Scores:
    """Of patches that no fit has seen.

    Attributes
    ----------
    accuracy
        Share of right classes.
    blur_error, photon_error
        Median absolute errors: as a factor of the blur's width (1.2 is 20 % off), and of the photons.
    blur_correlation, photon_correlation
        Pearson correlation of the logarithms.
    """

    accuracy: float
    blur_error: float
    photon_error: float
    blur_correlation: float
    photon_correlation: float


def spectrum_features(samples: Samples) -> Float:
    """Logarithm of the mean power in each ring of a patch's spectrum, its mean and its standard deviation."""
    found = []
    for image in samples.images[:, 0]:
        rings = radial_mean(power_spectrum(image), _RINGS).power
        found.append([*np.log(rings + 1e-8), image.mean(), image.std()])
    return np.array(found, dtype=np.float32)


@torch.no_grad()
def network_features(network: FeatureNetwork, samples: Samples, batch: int = 50) -> Float:
    """Mean over the pixels of each map of the last convolution, after its activation."""
    parts = [
        network(torch.from_numpy(samples.images[i : i + batch])).mean(dim=(2, 3))
        for i in range(0, len(samples.images), batch)
    ]
    return torch.cat(parts).numpy()


def probe(train: Float, train_labels: Samples, test: Float, test_labels: Samples, classes: int) -> Scores:
    """Fit linear maps to features of training patches, and score them on others.

    Features are standardised; the classifier is a multinomial regression with a small quadratic penalty, the
    two measures are fitted by ridge regression.
    """
    centre, spread = train.mean(0), train.std(0) + 1e-6
    seen, new = (torch.from_numpy((part - centre) / spread).double() for part in (train, test))
    kinds = _classify(seen, torch.from_numpy(train_labels.kinds), new, classes)
    return score(kinds.numpy(), _ridge(seen, train_labels.measures, new), test_labels)


def score(kinds: npt.NDArray[np.int64], measures: npt.NDArray[np.floating], labels: Samples) -> Scores:
    """Compare what is said of patches, numbers of classes and ``(B, 2)`` measures, with what is true."""
    errors = np.abs(measures - labels.measures)
    both = [np.corrcoef(measures[:, i], labels.measures[:, i])[0, 1] for i in (0, 1)]
    return Scores(
        accuracy=float(np.mean(kinds == labels.kinds)),
        blur_error=float(np.exp(np.median(errors[:, 0]))),
        photon_error=float(10 ** np.median(errors[:, 1])),
        blur_correlation=float(both[0]),
        photon_correlation=float(both[1]),
    )


def _classify(seen: Tensor, kinds: Tensor, new: Tensor, classes: int) -> Tensor:
    weights = nn.Parameter(torch.zeros(seen.shape[1], classes, dtype=torch.float64))
    bias = nn.Parameter(torch.zeros(classes, dtype=torch.float64))
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(seen @ weights + bias, kinds) + 1e-3 * weights.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return (new @ weights + bias).argmax(1).detach()


def _ridge(seen: Tensor, measures: Float, new: Tensor) -> npt.NDArray[np.float64]:
    wanted = torch.from_numpy(measures).double()
    mean = wanted.mean(0)
    gram = seen.T @ seen + 1e-2 * len(seen) * torch.eye(seen.shape[1], dtype=torch.float64)
    slopes = torch.linalg.solve(gram, seen.T @ (wanted - mean))
    return (new @ slopes + mean).numpy()
