import numpy as np
import pytest

from napari_restoration.tasks.picture import Panel, draw_panels


def gradient(rows: int, columns: int) -> np.ndarray:
    return np.add.outer(np.arange(rows), np.arange(columns)).astype(np.float32)


def test_panels_stand_side_by_side_with_one_scale_of_brightness() -> None:
    truth = gradient(64, 64)
    picture = np.asarray(
        draw_panels([Panel(plane=0.5 * truth, title="a"), Panel(plane=truth, title="b")], panel_px=100)
    )
    assert picture.ndim == 3
    assert picture.shape[1] > 200
    white = (picture == 255).all(axis=2)
    left, right = np.split(white, [picture.shape[1] // 2], axis=1)
    assert not left.any()
    assert right.any()


def test_a_coarser_panel_is_shown_with_larger_pixels() -> None:
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 1, (8, 8))
    fine = np.kron(coarse, np.ones((2, 2)))
    same = np.asarray(draw_panels([Panel(plane=fine, title="x"), Panel(plane=fine, title="x")]))
    mixed = np.asarray(draw_panels([Panel(plane=coarse, title="x"), Panel(plane=fine, title="x")]))
    np.testing.assert_array_equal(mixed, same)


def test_texts_and_scale_bar_are_drawn_when_there_are_any() -> None:
    panel = Panel(plane=np.zeros((32, 48)), title="a")
    bare = np.asarray(draw_panels([panel]))
    barred = np.asarray(draw_panels([panel], pixel_size_um=0.1))
    assert np.count_nonzero(barred == 255) > np.count_nonzero(bare == 255)
    captioned = Panel(plane=panel.plane, title="a", caption="24 dB")
    assert np.asarray(draw_panels([captioned], heading="h", footer="f")).shape[0] > bare.shape[0]


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (16, 16, 3)])
def test_small_colour_and_missing_pixels_are_shown(shape: tuple[int, ...]) -> None:
    plane = np.ones(shape, np.float32)
    plane[0, 0] = np.nan
    picture = np.asarray(draw_panels([Panel(plane=plane, title="a")], panel_px=64))
    assert picture.shape[2] == 3
    assert picture.dtype == np.uint8
