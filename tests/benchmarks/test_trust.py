"""The measurements of the trust maps, on the smallest scale."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.trust import report
from benchmarks.trust.plants import KINDS, plant
from benchmarks.trust.roc import COMBINED, NOTHING, PLAIN, Row, area
from scipy import ndimage


def test_the_area_is_the_chance_that_a_wrong_pixel_scores_higher() -> None:
    assert area(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert area(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 0
    assert area(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 0.5
    assert area(np.array([0.0, 2.0]), np.array([1.0])) == 0.5
    assert np.isnan(area(np.array([]), np.array([1.0])))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_planted_changes_the_image_where_it_is_called_wrong_and_nowhere_right(kind: str) -> None:
    rng = np.random.default_rng(2)
    smooth = ndimage.gaussian_filter(rng.standard_normal((160, 160)), 3)
    image = 10 * (smooth - smooth.min()) / np.ptp(smooth)
    before = image.copy()
    planted = plant(kind, image, 10.0, rng.standard_normal((90, 120)), rng)
    assert planted is not None
    np.testing.assert_array_equal(image, before)
    change = np.abs(planted.image - image)
    assert not (planted.wrong & planted.right).any()
    assert 0.001 < planted.wrong.mean() < 0.3
    assert planted.right.mean() > 0.1
    assert change[planted.wrong].mean() > 20 * change[planted.right].mean()
    assert change[planted.right].max() < 0.02 * change.max()


def test_the_table_holds_means_of_what_was_measured_and_a_dash_where_nothing_was(tmp_path: Path) -> None:
    common = {"task": "denoise", "images": "val", "level": "mild", "false": 0.02}
    rows = [
        Row(**common, image=image, kind="spots", score=score, auc=auc, found=0.25)  # type: ignore[arg-type]
        for image, score, auc in (
            ("a", "data", 0.6),
            ("b", "data", 0.8),
            ("a", COMBINED, 0.9),
            ("b", COMBINED, 1.0),
        )
    ]
    rows += [
        Row(**common, image="a", kind=NOTHING, score=s, auc=np.nan, found=np.nan) for s in (COMBINED, PLAIN)
    ]  # type: ignore[arg-type]
    report.write(rows, tmp_path)
    text = (tmp_path / "table.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("| spots"))
    assert [cell.strip() for cell in line.split("|")[2:5]] == ["2", "0.70", "-"]
    assert "0.95 (25 %)" in line
    assert "combined map median 2.0 %" in text
