"""What an experiment consists of, and how its recipes are made from those of the methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import numpy as np
from benchmarks.quality.cases import Example

from napari_restoration.models.archs.presets import CRITIC_PRESETS
from napari_restoration.training.material import Material
from napari_restoration.training.method_recipes import method_recipe
from napari_restoration.training.recipe import Recipe

Scale = Literal["small", "paper"]
Values = Mapping[str, Any]

_VALIDATIONS = 5


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way of training that an experiment compares.

    Attributes
    ----------
    name, method, preset
        What it is called here, and the method's recipe it starts from.
    arch
        Settings of the network that make the variant what it is, at every scale.
    small
        Settings of the network at the scale "small" in place of those of `preset`.
    training, method_changes
        Changes of these tables of the recipe, at every scale.
    sources
        Groups of images, where they are not those of the experiment.
    features
        Whether its losses compare features; those of MicroFeat are taken, as no other network is at hand.
    """

    name: str
    method: str
    preset: str = "paper"
    arch: Values = field(default_factory=dict)
    small: Values = field(default_factory=dict)
    training: Values = field(default_factory=dict)
    method_changes: Values = field(default_factory=dict)
    sources: tuple[Values, ...] | None = None
    pairs: tuple[Values, ...] = ()
    features: bool = False

    def has_seen(self, file: str) -> bool:
        """Whether the file of the data folder is one of the pairs it is trained on, told by a pattern of its own."""
        return any(group["match"] != "*" and fnmatchcase(file, group["match"]) for group in self.pairs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Experiment:
    """Variants that learn from the same images for equally many steps and are scored on the same others.

    Attributes
    ----------
    name, paper, question
        What it is called, the title of the paper, and the ranking that it asks about.
    material
        From the data folder and a folder to prepare files in.
    sources
        Groups of sharp images, for materials that are an indexed folder.
    small
        Patches of the scale "small", the same for all variants.
    examples
        The images that are scored, from the data folder.
    credits
        Whose images its picture shows.
    steps
        Optimizer steps of each run, unless others are asked for.
    """

    name: str
    paper: str
    question: str
    variants: tuple[Variant, ...]
    small: Values
    examples: Callable[[Path], list[Example]]
    material: Callable[[Path, Path], Material] = lambda data, _: Material(folder=data)
    sources: tuple[Values, ...] = ({"match": "*"},)
    credits: str = ""
    steps: int = 300

    def variant(self, name: str) -> Variant:
        return next(one for one in self.variants if one.name == name)


def recipe_of(experiment: Experiment, variant: Variant, *, scale: Scale, steps: int, seed: int) -> Recipe:
    """The recipe of a variant: losses, rates and schedule of its preset; at "small" a narrow network on few patches.

    Parameters
    ----------
    scale : {"small", "paper"}
        "paper" keeps networks, patches and batches as the method's preset has them.
    steps : int
        Optimizer steps, the same for all variants; a schedule that counts epochs counts fifths of them.
    """
    values = method_recipe(variant.method, variant.preset).to_dict()
    small = scale == "small"
    arch = {**(variant.small if small else values["arch_args"]), **variant.arch}
    training = {**values["training"], **(experiment.small if small else {}), **variant.training}
    training |= {"steps": steps, "steps_per_epoch": max(1, steps // _VALIDATIONS)}
    training["warmup_steps"] = min(training["warmup_steps"], max(1, steps // 10))
    method = {**values["method"], **variant.method_changes}
    if small and method["kind"] != "regression":
        method["critic_args"] = {**method["critic_args"], **CRITIC_PRESETS[method["critic"]]["tiny"]}
        if method["critic"] == "vgg":
            method["critic_args"] = {k: v for k, v in method["critic_args"].items() if k != "side"}
    if variant.features:
        layer = method["feature_layers"][0]
        method |= {"features": "microfeat", "feature_args": {"last": layer}, "feature_weights": "file"}
    sources = variant.sources if variant.sources is not None else experiment.sources
    return Recipe.from_dict({
        **values, "id": f"{experiment.name}-{variant.name}", "arch_args": arch, "training": training, "seed": seed,
        "method": method, "sources": list(sources), "pairs": list(variant.pairs),
    })  # fmt: skip


def examples_of(experiment: Experiment, data: Path, out: Path) -> list[Example]:
    """The images that are scored, made once and kept in `out`: making them takes longer than a small run."""
    folder = out / "examples" / experiment.name
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(experiment.examples(data)):
            words = np.array([one.task, one.level, one.name, one.kind])
            np.savez(folder / f"{number:04}.npz", words=words, input=one.input, target=one.target)
        (folder / "done").touch()
    made = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as held:
            task, level, name, kind = (str(word) for word in held["words"])
            given, target = held["input"], held["target"]
        made.append(Example(task=task, level=level, name=name, kind=kind, input=given, target=target))
    return made


def middle(examples: Sequence[Example], side: int) -> list[Example]:
    """The examples cut to a square about their middle, in pixels of the input."""
    from dataclasses import replace

    made = []
    for one in examples:
        ratio = one.target.shape[-1] // one.input.shape[-1]
        height, width = one.input.shape[-2:]
        top, left = (max(n - side, 0) // 2 for n in (height, width))
        given = one.input[..., top : top + side, left : left + side]
        fine = (slice(top * ratio, (top + side) * ratio), slice(left * ratio, (left + side) * ratio))
        made.append(replace(one, input=given, target=one.target[fine]))
    return made
