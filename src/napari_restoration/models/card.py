"""Model cards: everything that is known about weights, readable without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from napari_restoration.core.errors import ModelError
from napari_restoration.models.card_fields import CHECKS, check_card_size, plain
from napari_restoration.models.classical import CLASSICAL

Task = Literal["deblur", "refocus", "superres", "denoise"]
TASKS: tuple[Task, ...] = get_args(Task)
CARD_VERSION = 1
WHOLE_IMAGE_OVERLAP = 96
"""Least overlap in pixels of the tiles of a network that should see whole images (COMI)."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a user, the engine and the provenance need to know about one set of weights.

    Parameters
    ----------
    id
        Name used in commands and folders: letters, digits, ``. _ -``, at most 64.
    title, description
        A few words and one line that a microscopist understands.
    task
        "deblur", "refocus", "superres" or "denoise".
    arch, arch_args
        Name in `archs.ARCHITECTURES` and the settings it was built with; "classical" for a method without a network.
    weights_file, weights_sha256, weights_bytes
        File name beside the card, its SHA-256 in hexadecimal, its size.
    ndim
        Spatial axes of the network: 2 (Y, X) or 3 (Z, Y, X).
    in_channels, out_channels
        Channels of the input and of the restored image.
    laplace_scale
        The network gives the Laplace scales' channels after the means'.
    frames
        None for single images, else the default number of frames of a burst model (1 to 8 are accepted).
    scale
        Output pixels an input pixel, per axis.
    size_multiple
        Window sizes of the network are multiples of this.
    halo
        Input pixels around a tile's core that the network must see.
    receptive_field
        Half receptive field in input pixels. A halo of at least this makes tiles exact.
    seam_error
        Largest measured difference to the whole image with this halo, in units of the normalised range; must
        be given where the halo is smaller than the receptive field, unless `whole_image` says that no halo helps.
    whole_image
        The network normalises by statistics of all it is shown (instance norm): it is run on whole images, and
        on tiles only where memory does not allow that.
    training_size
        Side in pixels of the images that a `whole_image` network was trained on, the size of such tiles with their
        overlap.
    normalizer, low_percentile, high_percentile
        How intensities are mapped before the network: with "percentile" these percentiles become 0 and 1; with
        "noise", for classical methods only, the low one becomes 0 and one standard deviation of the noise 1.
    pixel_size_um
        Smallest and largest pixel size in micrometres that the training data had; None if it does not matter.
    trained_on
        The training data: mappings with name, licence and source.
    recipe, seed, training
        File of the training recipe, its seed, and what happened (steps, minutes, device).
    scores
        Measured scores with the baselines beside them, and the command that measures them.
    domain
        Statistics of the training domain (noise level, intensity quantiles).
    license, citation
        Licence of the weights; what to cite.
    version
        Version of this card format.
    extra
        Fields of the file that this version does not know, kept.
    """

    id: str
    title: str
    description: str
    task: str
    arch: str
    arch_args: Mapping[str, Any]
    weights_file: str = "weights.safetensors"
    weights_sha256: str = ""
    weights_bytes: int = 0
    ndim: int = 2
    in_channels: int = 1
    out_channels: int = 1
    laplace_scale: bool = False
    frames: int | None = None
    scale: int = 1
    size_multiple: int = 1
    halo: int
    receptive_field: int
    seam_error: float | None = None
    whole_image: bool = False
    training_size: int | None = None
    low_percentile: float = 2.0
    high_percentile: float = 99.8
    normalizer: str = "percentile"
    pixel_size_um: tuple[float, float] | None = None
    trained_on: tuple[Mapping[str, Any], ...] = ()
    recipe: str = ""
    seed: int | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    domain: Mapping[str, Any] = field(default_factory=dict)
    license: str = "BSD-3-Clause"
    citation: str = ""
    version: int = CARD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every field, then what fields say together; raise ModelError naming the field."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            if problem := CHECKS[entry.name](value):
                raise self._error(entry.name, value, problem)
        if not self.low_percentile < self.high_percentile:
            raise self._error("high_percentile", self.high_percentile, "must lie above low_percentile")
        if self.pixel_size_um and self.pixel_size_um[0] > self.pixel_size_um[1]:
            raise self._error("pixel_size_um", self.pixel_size_um, "must give the smaller size first")
        if self.normalizer == "noise" and self.arch != CLASSICAL:
            raise self._error("normalizer", self.normalizer, "must be percentile for a network")
        if self.frames is not None and self.ndim == 3:
            raise self._error("frames", self.frames, "must be null for a 3D model")
        if self.whole_image and self.halo < WHOLE_IMAGE_OVERLAP:
            problem = f"must be at least {WHOLE_IMAGE_OVERLAP} for a network that looks at whole images"
            raise self._error("halo", self.halo, problem)
        if self.halo < self.receptive_field and self.seam_error is None and not self.whole_image:
            problem = "is smaller than receptive_field, so seam_error must be measured and given"
            raise self._error("halo", self.halo, problem)

    @property
    def network_channels(self) -> int:
        """Channels that the network gives: the means', and the Laplace scales' if there are any."""
        return self.out_channels * (2 if self.laplace_scale else 1)

    def to_dict(self) -> dict[str, Any]:
        """The card as plain JSON values, unknown fields included."""
        known = {
            entry.name: plain(getattr(self, entry.name)) for entry in fields(self) if entry.name != "extra"
        }
        return {**known, **plain(self.extra)}

    def to_json(self) -> str:
        """The card as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, values: Any, *, source: str = "The model card") -> Self:
        """Make a card from JSON values.

        Parameters
        ----------
        values
            A mapping of the fields; unknown ones are kept in `extra`.
        source
            What to call the card in an error, for example its path.

        Raises
        ------
        ModelError
            Not a mapping, a field missing, of the wrong type or outside its limits, an unknown version.
        """
        if not isinstance(values, Mapping):
            raise ModelError(f"{source} is no JSON object; ask for the card again or export the model again.")
        version = values.get("version", CARD_VERSION)
        if version != CARD_VERSION:
            raise ModelError(
                f"{source} has version {version!r}, this napari-restoration reads version {CARD_VERSION}; update it."
            )
        known = {entry.name for entry in fields(cls)} - {"extra"}
        given = {name: value for name, value in values.items() if name in known}
        extra = {str(name): value for name, value in values.items() if name not in known}
        for name in ("pixel_size_um", "trained_on"):
            if isinstance(given.get(name), list):
                given[name] = tuple(given[name])
        try:
            return cls(**given, extra=extra)
        except TypeError as error:  # a field without a default is missing
            missing = [name for name in REQUIRED if name not in given]
            raise ModelError(f"{source} lacks {', '.join(missing)}; export the model again.") from error
        except ModelError as error:
            raise ModelError(f"{source}: {error}") from error

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a card from a JSON file.

        Raises
        ------
        ModelError
            The file is missing, larger than 1 MiB, no JSON, or no valid card.
        """
        return cls.from_dict(read_card_json(Path(path)), source=str(path))

    def _error(self, name: str, value: Any, problem: str) -> ModelError:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return ModelError(
            f"Field {name!r} of the card of model {str(self.id)[:64]!r} is {shown}; it {problem}."
        )


REQUIRED = ("id", "title", "description", "task", "arch", "arch_args", "halo", "receptive_field")


def read_card_json(path: Path) -> Any:
    """Parse a small JSON file from a stranger: no huge files, no NaN, no endless nesting.

    Raises
    ------
    ModelError
        One sentence that names the file.
    """
    try:
        check_card_size(path)
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist; a model folder holds card.json and its weights.") from None
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ModelError(f"{path} is no usable model card ({reason}); export the model again.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it contains {name}")
