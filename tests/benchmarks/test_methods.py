"""The measurements of the methods' table, on the smallest scale."""

from pathlib import Path

from benchmarks.methods import SPECIFIED, by_heart, images, one_step, stopped_and_resumed

from napari_restoration.training.method_recipes import list_methods


def test_every_method_has_a_published_count_of_parameters() -> None:
    assert sorted(SPECIFIED) == list_methods()


def test_one_step_lowers_the_loss_of_a_network_with_dropout() -> None:
    before, after = one_step("pix2pix")
    assert after < before


def test_learning_one_pair_by_heart_gets_better_with_time() -> None:
    decibels, step = by_heart("care", 2.0)
    assert decibels > 20
    assert step % 20 == 0


def test_a_stopped_run_is_compared_with_an_unbroken_one(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    different, tensors = stopped_and_resumed("care", images(tmp_path / "images"), tmp_path)
    assert different == 0
    assert tensors > 100
