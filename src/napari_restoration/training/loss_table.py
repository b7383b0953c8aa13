"""What each loss means to a person, for forms, recipes and reports; torch is not needed to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Needs = Literal["target", "scales", "laplace scale", "features", "critic", "second generator", "sharp input"]

_BURST = '"TEM image restoration from fast image streams"'
_COMI = '"Correction of out-of-focus microscopic images by deep learning"'
_C2F = '"Defocus deblur microscopy via feature interactive coarse-to-fine network"'
_W2S = '"Microscopy Image Restoration using Deep Learning on W2S"'
_CARE = '"Semi-Synthetic Test Data Generation and Content-aware Image Restoration"'


@dataclass(frozen=True, kw_only=True)
class LossMeaning:
    """One loss in words.

    Attributes
    ----------
    label
        A few words, as they stand in a list of choices.
    help
        One sentence that says what it rewards.
    source
        Paper or author and year.
    needs
        What it compares the prediction with, or reads beside it.
    fixed_weight
        It has no likelihood of its own to weigh it by (or has one built in): automatic weighting leaves it alone.
    """

    label: str
    help: str
    source: str
    needs: Needs = "target"
    fixed_weight: bool = False


LOSSES: Mapping[str, LossMeaning] = MappingProxyType(
    {
        "l1": LossMeaning(
            label="mean absolute error",
            help="Every grey level of error costs the same; the usual, robust choice.",
            source=_W2S,
        ),
        "l1_sum": LossMeaning(
            label="absolute error, summed over pixels",
            help="The mean absolute error times the pixels of a patch, as older code weighs it.",
            source=f"released code of {_W2S}",
        ),
        "l2": LossMeaning(
            label="mean squared error",
            help="Large errors cost most; gives the highest PSNR and smoother images.",
            source=_W2S,
        ),
        "gradient": LossMeaning(
            label="edges, by differences of neighbours",
            help="Errors at edges cost most, with a tenth of the mean absolute error to hold the brightness.",
            source=_BURST,
        ),
        "gradient_prewitt": LossMeaning(
            label="edges, by Prewitt's filters",
            help="Like the differences of neighbours, averaged over three lines and so less sensitive to noise.",
            source=f"public re-implementation of {_BURST}",
        ),
        "ssim": LossMeaning(
            label="structural similarity",
            help="Rewards local contrast and structure as SSIM measures them; overall brightness is held weakly.",
            source="Wang 2004",
        ),
        "l1_ssim": LossMeaning(
            label="structural similarity and mean absolute error",
            help="SSIM for structure, the mean absolute error for brightness.",
            source=_BURST,
        ),
        "content": LossMeaning(
            label="absolute error at every scale",
            help="The mean absolute error of each output of a coarse-to-fine network, added.",
            source=_C2F,
            needs="scales",
        ),
        "content_l2": LossMeaning(
            label="squared error at every scale",
            help="The mean squared error of each output of a coarse-to-fine network, added.",
            source=f"{_C2F}, equation 5 as printed",
            needs="scales",
        ),
        "laplace_nll": LossMeaning(
            label="Laplace likelihood",
            help="Rewards a right value and an honest uncertainty, predicted together for every pixel.",
            source=_CARE,
            needs="laplace scale",
            fixed_weight=True,
        ),
        "perceptual": LossMeaning(
            label="features of an image network",
            help="Compares what a trained network sees in both images: sharper, but detail may be invented.",
            source=f"{_COMI}; {_W2S}",
            needs="features",
        ),
        "texture": LossMeaning(
            label="texture (Gram matrices)",
            help="Compares which features occur together, wherever they are; may add patterns to the background.",
            source=f"{_W2S}, an experiment it rejected",
            needs="features",
        ),
        "lsgan": LossMeaning(
            label="adversarial, least squares",
            help="A critic learns to tell restored from real images and the generator to pass, by squared errors.",
            source=f"Mao 2017; {_COMI}",
            needs="critic",
            fixed_weight=True,
        ),
        "ragan": LossMeaning(
            label="adversarial, relativistic average",
            help="The critic judges whether an image looks more real than the average of the other kind.",
            source=f"Jolicoeur-Martineau 2018; {_W2S}",
            needs="critic",
            fixed_weight=True,
        ),
        "ragan_ls": LossMeaning(
            label="adversarial, relativistic average with least squares",
            help="The relativistic judgement by squared errors.",
            source="Kupyn 2019 (DeblurGAN-v2)",
            needs="critic",
            fixed_weight=True,
        ),
        "wgan_gp": LossMeaning(
            label="adversarial, Wasserstein with gradient penalty",
            help="The critic measures a distance between the two kinds of images; a penalty keeps its slope at 1.",
            source="Gulrajani 2017; Kupyn 2018 (DeblurGAN)",
            needs="critic",
            fixed_weight=True,
        ),
        "cycle": LossMeaning(
            label="there and back",
            help="Restoring and blurring again must give the input back, so that nothing is lost on the way.",
            source=f"Zhu 2017 (CycleGAN); {_COMI}",
            needs="second generator",
        ),
        "identity": LossMeaning(
            label="sharp stays sharp",
            help="An image that is sharp already must come out unchanged.",
            source="Zhu 2017 (CycleGAN)",
            needs="sharp input",
        ),
    }
)
