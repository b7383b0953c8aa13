"""Classical methods against noise, and bicubic enlargement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from napari_restoration.core.quantity import quantity
from napari_restoration.models.classical.method import AgainstNoise, Method

if TYPE_CHECKING:
    from napari_restoration.models.classical.kernels import Kernel, Plane

# Beyond this many pixels a cubic spline's weights are below 1e-8.
_SPLINE_REACH = 16


@dataclass(frozen=True, kw_only=True)
class TotalVariation(AgainstNoise):
    """Total variation (A. Chambolle, Journal of Mathematical Imaging and Vision 20 (2004) 89)."""

    bytes_a_pixel: ClassVar[int] = 60

    weight: float = quantity(
        1.2, "strength", low=0.05, high=50.0, logarithmic=True,
        help="Larger values remove more noise and flatten more; relative to the noise.",
    )  # fmt: skip
    iterations: int = quantity(
        60, "iterations", form="whole", low=5, high=500, advanced=True,
        help="Steps of the algorithm; strong smoothing needs more.",
    )  # fmt: skip

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """A pixel further with each iteration."""
        return int(self.iterations) + 1, int(self.iterations) + 1, None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Smooth; always all iterations, so that a tile stops where the whole image does."""
        import numpy as np
        from skimage.restoration import denoise_tv_chambolle

        plane = np.asarray(plane, np.float32)
        steps = int(self.iterations)
        return np.asarray(denoise_tv_chambolle(plane, weight=self.weight, eps=-1.0, max_num_iter=steps))


@dataclass(frozen=True, kw_only=True)
class LocalMeans(AgainstNoise):
    """Non-local means: each pixel is averaged with those near it whose surroundings look alike."""

    bytes_a_pixel: ClassVar[int] = 80

    strength: float = quantity(
        0.8, "strength", low=0.05, high=10.0,
        help="How different surroundings may be and still be averaged; relative to the noise.",
    )  # fmt: skip
    patch_px: int = quantity(
        5, "surroundings", "px", form="whole", low=3, high=21, advanced=True,
        help="Side of the surroundings that are compared; odd.",
    )  # fmt: skip
    distance_px: int = quantity(
        7, "search distance", "px", form="whole", low=1, high=30, advanced=True,
        help="How far away similar surroundings are looked for; the time grows with its square.",
    )  # fmt: skip

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """The search distance and the surroundings there."""
        halo = int(self.distance_px) + int(self.patch_px) // 2 + 1
        return halo, halo, None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Average; sums run over the whole window, so that only float64 gives tiles the same values."""
        import numpy as np
        from skimage.restoration import denoise_nl_means

        averaged = np.asarray(
            denoise_nl_means(
                np.asarray(plane, np.float64),
                patch_size=int(self.patch_px),
                patch_distance=int(self.distance_px),
                h=self.strength,
                sigma=1.0,
                fast_mode=True,
                preserve_range=True,
            )
        )
        return averaged.reshape(plane.shape)  # sides of one pixel are left out of it


@dataclass(frozen=True, kw_only=True)
class Gaussian(Method):
    """Gaussian smoothing."""

    sigma_px: float = quantity(
        1.2, "width", "px", low=0.1, high=50.0, help="Standard deviation: fine detail below it is lost."
    )

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """Five standard deviations."""
        halo = math.ceil(5 * self.sigma_px) + 1
        return halo, halo, None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Smooth."""
        import numpy as np
        from scipy import ndimage

        return np.asarray(ndimage.gaussian_filter(plane, self.sigma_px, mode="mirror", truncate=5))


@dataclass(frozen=True, kw_only=True)
class Median(Method):
    """The median of a disc around each pixel; removes single outliers and keeps edges."""

    radius_px: int = quantity(
        1, "radius", "px", form="whole", low=1, high=10, help="Detail narrower than the disc is lost."
    )

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """The radius."""
        return int(self.radius_px), int(self.radius_px), None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Take medians."""
        import numpy as np
        from scipy import ndimage

        radius = int(self.radius_px)
        down, right = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        disc = down**2 + right**2 <= radius**2 + radius
        return np.asarray(ndimage.median_filter(plane, footprint=disc, mode="mirror"))


@dataclass(frozen=True, kw_only=True)
class Bicubic(Method):
    """Twice the pixels along Y and X, by cubic splines."""

    scale: ClassVar[int] = 2
    bytes_a_pixel: ClassVar[int] = 120

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """Until a spline's weights vanish."""
        return _SPLINE_REACH, _SPLINE_REACH, None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Enlarge; each fine pixel lies a quarter of a coarse one beside its middle."""
        import numpy as np
        from skimage.transform import resize

        size = tuple(2 * side for side in plane.shape)
        return np.asarray(
            resize(
                plane, size, order=3, mode="symmetric", clip=False, anti_aliasing=False, preserve_range=True
            )
        )
