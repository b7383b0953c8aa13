import numpy as np
import pytest
from tests.training.pairs.conftest import noisy, texture

from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.pairs.lazy import pair_sources
from napari_restoration.training.pairs.pair import make_pair
from napari_restoration.training.pairs.parts import measured_parts
from napari_restoration.training.recipe_data import PairSettings

HERE = {"T": 0, "Z": 0, "C": 0}


def pair_of(target, scale=1):
    given = noisy(target[::scale, ::scale], 1, sd=2)
    return make_pair(CalibratedImage(given, "YX", name="cell"), CalibratedImage(target, "YX", name="cell"))


def sparse(shape=(400, 320)):
    """Structure in the lower right corner alone."""
    image = np.full(shape, 50, np.float32)
    image[280:, 200:] = texture((shape[0] - 280, shape[1] - 200))
    return noisy(image, 3, sd=1)


@pytest.mark.parametrize("scale", [1, 2])
def test_both_images_show_the_same_part(scale):
    pair = pair_of(texture((240, 200)), scale)

    given, target = measured_parts(pair, HERE, 64)

    assert target.shape == (64 * scale, 64 * scale)
    assert np.corrcoef(given.ravel(), target[::scale, ::scale].ravel())[0, 1] > 0.95
    np.testing.assert_array_equal(
        target[0], pair.target.read(HERE)[120 - 32 * scale, 100 - 32 * scale :][: 64 * scale]
    )


def test_where_the_middle_is_next_to_empty_the_busiest_part_is_taken():
    middle, busiest = sparse()[152:248, 112:208], measured_parts(pair_of(sparse()), HERE, 96)[1]

    assert busiest.std() > 5 * middle.std()


def test_intensities_of_a_plane_with_an_empty_middle_are_fitted_to_its_structure():
    target = np.full((1200, 1000), 50, np.float32)
    target[1000:, 900:] = texture((200, 100))
    given = 0.5 * target + 20 + np.random.default_rng(0).normal(0, 2, target.shape).astype(np.float32)
    pair = make_pair(
        CalibratedImage(given, "YX", name="c"), CalibratedImage(noisy(target, 4, sd=2), "YX", name="c")
    )

    (source,) = pair_sources([pair], PairSettings(match="*", fit=True))

    slope = np.polyfit(target[1000:, 900:].ravel(), source.target[1000:, 900:].ravel(), 1)[0]
    assert slope == pytest.approx(0.5, rel=0.1)
