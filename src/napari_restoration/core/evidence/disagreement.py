"""Disagreement of several restorations of one image: turned and mirrored copies, several networks, subsets of frames.

Where members that had every reason to agree do not, the result hangs on chance. The reverse does not hold: members
that were trained on the same images make the same mistakes, and agree on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.laplace import half_width
from napari_restoration.core.evidence.planes import Plane, as_plane, display_range, same_shape

Stack: TypeAlias = npt.NDArray[np.float32]

_PIECE = 1 << 14
_NODES = 50
# Members that state no spread are taken to be sure to a tenth of the contrast, see `assumed_scale`.
_ASSUMED_WIDTH = 0.1


@dataclass(frozen=True, eq=False)
class Disagreement:
    """What several members say together. Pixels that one of them lacks are NaN.

    Attributes
    ----------
    mean : ndarray
        ``(Y, X)``, float32: mean of the members' mu.
    aleatoric : ndarray or None
        ``(Y, X)``, float32: ``mean(2 b^2)``, the variance that each member states. None if they state none.
    epistemic : ndarray
        ``(Y, X)``, float32: ``var(mu)``, the variance between members (population variance).
    divergence : ndarray
        ``(Y, X)``, float32 in [0, 1]: D, 0 for members that agree, 1 for members that do not overlap.
    quality : ndarray
        ``(Y, X)``, float32: ``1 - D``.
    """

    mean: Plane
    aleatoric: Plane | None
    epistemic: Plane
    divergence: Plane
    quality: Plane

    @property
    def variance(self) -> Plane:
        """Whole variance: `epistemic`, plus `aleatoric` where it is known."""
        return self.epistemic if self.aleatoric is None else self.epistemic + self.aleatoric


def disagreement(
    means: Sequence[npt.ArrayLike],
    scales: Sequence[npt.ArrayLike] | None = None,
    *,
    assumed: float | npt.ArrayLike | None = None,
) -> Disagreement:
    """Compare members pixel by pixel.

    ``D = mean_m KL(p_m || p_bar) / ln M`` with the members' Laplace distributions p_m and their mean p_bar.

    Parameters
    ----------
    means : sequence of array-like
        mu of at least two members, each ``(Y, X)``.
    scales : sequence of array-like, optional
        b > 0 of each member. Left out for networks that give none.
    assumed : float or array-like, optional
        Without `scales`: one scale b > 0 for all members, a number or ``(Y, X)``; see `assumed_scale`, which is the
        default without noise.

    Returns
    -------
    Disagreement

    Raises
    ------
    InputError
        If there are fewer than two members, shapes differ, or a scale is not positive.

    Notes
    -----
    The integral is a sum over intervals of probability of each member, with the point of each interval where the
    member's mean in it lies: exact where the logarithm of p_bar is straight within an interval. Between 2 members and
    20 it errs by less than 0.02 on average, most (up to 0.05) where scales differ by several times.

    Members without scales get one that is common to all. D then tells how far they lie apart in units of a difference
    that matters, keeps both limits, and can be read as that of probabilistic members. Their variance is the epistemic
    one alone.
    """
    stack = _members(means)
    if scales is not None:
        b = _stated(scales, stack)
    else:
        common = assumed_scale(stack) if assumed is None else assumed
        b = np.broadcast_to(np.asarray(common, dtype=np.float32), stack.shape)
    _check_positive(b)
    known = np.isfinite(stack).all(axis=0) & np.isfinite(b).all(axis=0)
    mean, epistemic, divergence = (np.full(known.shape, np.nan, dtype=np.float32) for _ in range(3))
    mean[known] = stack[:, known].mean(axis=0, dtype=np.float64)
    # Differences to one member first: identical members have a variance of exactly 0.
    epistemic[known] = (stack[:, known] - stack[0, known]).var(axis=0, dtype=np.float64)
    divergence[known] = _divergence(stack[:, known], b[:, known])
    aleatoric = None
    if scales is not None:
        aleatoric = np.full(known.shape, np.nan, dtype=np.float32)
        aleatoric[known] = (2 * b[:, known].astype(np.float64) ** 2).mean(axis=0)
    return Disagreement(mean, aleatoric, epistemic, divergence, (1 - divergence).astype(np.float32))


def assumed_scale(
    means: Sequence[npt.ArrayLike] | Stack, noise_sd: float | npt.ArrayLike | None = None
) -> float | npt.NDArray[np.float32]:
    """Return a Laplace scale for members that state none.

    Parameters
    ----------
    means : sequence of array-like
        The members, each ``(Y, X)``.
    noise_sd : float or array-like, optional
        Standard deviation of the raw image's noise in the members' unit, a number or ``(Y, X)``.

    Returns
    -------
    float or ndarray
        With noise ``noise_sd / sqrt(2)``: members disagree if they differ by more than what one raw pixel could tell
        apart. Without, the scale whose 95 % interval is a tenth of the contrast that their mean is shown with, the
        width that `certainty` counts as 0.9: members disagree if the eye sees it. A constant mean gives 1.
    """
    if noise_sd is not None:
        b = np.asarray(noise_sd, dtype=np.float32) / np.float32(np.sqrt(2))
        return float(b) if b.ndim == 0 else b
    contrast = display_range(np.asarray(np.mean([np.asarray(member) for member in means], axis=0)))
    if not contrast > 0:
        return 1.0
    return _ASSUMED_WIDTH * contrast / (2 * float(half_width(1.0, 0.95)))


def _members(means: Sequence[npt.ArrayLike]) -> Stack:
    planes = [as_plane(f"member {number}", member) for number, member in enumerate(means, 1)]
    if len(planes) < 2:
        raise InputError(
            f"Disagreement needs at least 2 members, but there are {len(planes)}: add copies or models."
        )
    for number, plane in enumerate(planes, 1):
        same_shape(("member 1", f"member {number}"), planes[0], plane)
    return np.stack(planes)


def _stated(scales: Sequence[npt.ArrayLike], stack: Stack) -> Stack:
    if len(scales) != len(stack):
        raise InputError(
            f"There are {len(stack)} members but {len(scales)} Laplace scales: give one for each."
        )
    planes = [as_plane(f"Laplace scale {number}", scale) for number, scale in enumerate(scales, 1)]
    for number, plane in enumerate(planes, 1):
        same_shape(("member 1", f"Laplace scale {number}"), stack[0], plane)
    return np.stack(planes)


def _check_positive(b: Stack) -> None:
    if (b <= 0).any():
        raise InputError(f"A Laplace scale goes down to {float(np.nanmin(b)):g}: scales must be above 0.")


def _divergence(mu: Stack, b: Stack) -> Plane:
    """D of ``(M, N)`` members and pixels, a piece that fits the cache at a time."""
    members, count = mu.shape
    nodes, weights = _intervals(int(np.clip(round(_NODES / members), 4, 24)))
    out = np.empty(count, dtype=np.float32)
    for start in range(0, count, _PIECE):
        piece = slice(start, start + _PIECE)
        out[piece] = _piece(mu[:, piece], b[:, piece], nodes, weights)
    return np.asarray(np.clip(out / np.float32(np.log(members)), 0, 1))


def _piece(mu: Stack, b: Stack, nodes: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> Plane:
    members = len(mu)
    # All in units of the first member's scale, and from its mean, so that float32 is enough in any unit.
    centre, unit = mu[0], b[0]
    mu, b = (mu - centre) / unit, b / unit
    inverse = 1 / b
    total = np.zeros_like(centre)
    near, density = np.empty_like(centre), np.empty_like(centre)
    for member in range(members):
        for node, weight in zip(nodes, weights, strict=True):
            for at in (mu[member] - node * b[member], mu[member] + node * b[member]):
                np.multiply(inverse[member], np.exp(-node), out=density)
                for other in (*range(member), *range(member + 1, members)):
                    np.subtract(at, mu[other], out=near)
                    np.abs(near, out=near)
                    near *= -inverse[other]
                    np.exp(near, out=near)
                    near *= inverse[other]
                    density += near
                # log(p_m / p_bar) with p_m = exp(-node) / (2 b) and p_bar = density / (2 M).
                density *= b[member]
                np.log(density, out=density)
                total -= weight * (density + node)
    return np.asarray(total / np.float32(2 * members) + np.float32(np.log(members)))


def _intervals(count: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Means and probabilities of intervals of an exponential distribution, finer towards its tail."""
    # Powers between 1 (equal probability) and 2 were tried on random members; 1.5 erred least.
    left = (1 - np.arange(count + 1) / count) ** 1.5
    weights = left[:-1] - left[1:]
    # The integral of x exp(-x) from a point to infinity is (x + 1) exp(-x), here with exp(-x) = left.
    beyond = np.array([(1 - np.log(share)) * share if share > 0 else 0.0 for share in left])
    return ((beyond[:-1] - beyond[1:]) / weights).astype(np.float32), weights.astype(np.float32)
