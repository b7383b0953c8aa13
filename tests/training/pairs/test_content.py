import numpy as np
from tests.training.pairs.conftest import noisy, texture

from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.pairs.content import Content, fingerprints
from napari_restoration.training.pairs.pair import make_pair

TALL = texture((600, 48), seed=1)


def shared(*targets):
    content, pairs = Content(), []
    for number, target in enumerate(targets):
        given = noisy(target, number)
        pairs.append(make_pair(CalibratedImage(given, "YX"), CalibratedImage(target, "YX"), name=str(number)))
        content.add(pairs[-1])
    return pairs, content.shared()


def test_pairs_that_have_a_plane_in_common_share_its_key():
    pairs, keys = shared(TALL, texture((600, 48), seed=2), TALL.copy())

    assert keys[0] == keys[2]
    assert keys[1] == ()
    assert set(keys[0]) < set(fingerprints(pairs[0]))


def test_planes_that_differ_beside_the_rows_looked_at_share_nothing():
    other = TALL.copy()
    other[20, 5] += 1  # between the first two of sixteen bands

    _, keys = shared(TALL, other)

    assert keys[0]  # they were looked at in full
    assert not set(keys[0]) & set(keys[1])


def test_constant_planes_have_no_key():
    _, keys = shared(*(np.zeros((40, 40), np.float32) for _ in range(2)))

    assert keys == [(), ()]
