import pytest

from napari_restoration.training.pairs.names import common_name, match_names, role_of, scene_of, stem_of


def test_equal_names_are_matched_first():
    found = match_names(["a.tif", "b.tif"], ["b.tif", "a.tif"])

    assert found.pairs == (("a.tif", "a.tif"), ("b.tif", "b.tif"))
    assert (found.lone_inputs, found.lone_targets, found.ambiguous) == ((), (), ())


def test_names_that_differ_in_suffix_or_role_are_matched():
    found = match_names(
        ["cell_noisy.tif", "n1_lowSNR.ome.tif", "wt.png", "input_avg1_003.tif"],
        ["cell_clean.tif", "n1_highSNR.ome.tif", "wt.tif", "avg400_003.tif"],
    )

    assert dict(found.pairs) == {
        "cell_noisy.tif": "cell_clean.tif", "n1_lowSNR.ome.tif": "n1_highSNR.ome.tif",
        "wt.png": "wt.tif", "input_avg1_003.tif": "avg400_003.tif",
    }  # fmt: skip


def test_names_without_a_counterpart_are_listed():
    found = match_names(["a.tif", "extra.tif"], ["a.tif", "other.tif"])

    assert (found.lone_inputs, found.lone_targets) == (("extra.tif",), ("other.tif",))


def test_two_inputs_for_one_target_are_ambiguous_and_not_guessed():
    found = match_names(["cell_noisy.tif", "cell_raw.tif"], ["cell_clean.tif"])

    assert not found.pairs
    assert found.ambiguous == ((("cell_noisy.tif", "cell_raw.tif"), ("cell_clean.tif",)),)


def test_names_of_nothing_but_a_role_are_not_matched():
    assert match_names(["noisy.tif"], ["clean.tif"]).pairs == ()


@pytest.mark.parametrize(
    ("name", "scene"),
    [
        ("001_2.tif", "001"),
        ("field_007.tif", "field_007"),
        ("cell_hard_003.tif", "cell"),
        ("cell_mild.tif", "cell"),
        ("cell_y0_x1024.tif", "cell"),
        ("cell_z3_c1.ome.tif", "cell"),
        ("mito-20x-noise1_y1024_x0.tif", "mito_20x"),
        ("cell11_defocus+0.1um.tif", "cell11"),
        ("well B03_t12.tif", "well_b03"),
        ("noisy.tif", "noisy"),
    ],
)
def test_the_scene_leaves_levels_copies_planes_and_crops_out(name, scene):
    assert scene_of(name) == scene


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.ome.tif", "a"), ("a.b.tif", "a.b"), ("step_0.5", "step_0.5"), (".hidden", ".hidden")],
)
def test_a_stem_lacks_the_suffix_only(name, stem):
    assert stem_of(name) == stem


def test_roles_are_told_by_words_not_by_parts_of_words():
    assert [role_of(n) for n in ("a_noisy.tif", "a_gt.tif", "slowest.tif", "noisy_clean.tif")] == [
        "input", "target", "", "",
    ]  # fmt: skip
    assert common_name("slowest high.tif") == "slowest"
