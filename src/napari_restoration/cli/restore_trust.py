"""``--trust`` of ``restore``: maps of where not to trust the results, beside them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.cli import options
from napari_restoration.cli.outputs import Job, is_folder, make_folder, plan_jobs

if TYPE_CHECKING:
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.models.card import ModelCard
    from napari_restoration.tasks.settings import RestoreSettings
    from napari_restoration.tasks.trust_settings import TrustSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--trust`` and what it can be told."""
    chosen = parser.add_argument_group("trust").add_argument
    chosen(
        "--trust",
        metavar="TRUST",
        help="also write where not to trust the result: a file whose channels are maps, or a folder for several "
        "inputs; takes about ten times as long as restoring",
    )
    chosen(
        "--trust-preset",
        metavar="NAME",
        help="Degrade steps whose optics and camera made the input (default: fitted and estimated)",
    )
    chosen(
        "--camera",
        nargs=3,
        type=float,
        metavar=("OFFSET", "GAIN", "READ_NOISE"),
        help="for --trust: grey level of darkness, electrons a grey level, read noise in electrons",
    )
    chosen(
        "--trust-views",
        type=options.counted,
        metavar="N",
        help="turned copies to compare, 0 to 8 (default: 8)",
    )


class Trusting:
    """The maps of the files of one command.

    Parameters
    ----------
    arguments : Namespace
        Of the command.
    card : ModelCard
        The model's.

    Raises
    ------
    InputError
        If trust was told something without being asked for, or the model's results are not judged.
    """

    def __init__(self, arguments: argparse.Namespace, card: ModelCard) -> None:
        from napari_restoration.core.errors import InputError
        from napari_restoration.tasks.trust_judge import check_judgeable

        self._given = arguments.trust
        self._arguments = arguments
        self._targets: dict[Path, Path] = {}
        told = {"--trust-preset": arguments.trust_preset, "--camera": arguments.camera}
        alone = next((name for name, value in told.items() if value is not None), None)
        if self._given is None and alone is not None:
            raise InputError(
                f"{alone} says something about --trust, which was not asked for: add --trust FILE."
            )
        self._label = f"{card.id} trust"
        if self._given is not None:
            check_judgeable(card)
            self._settings = self._chosen()

    @property
    def is_wanted(self) -> bool:
        """Whether maps are made at all."""
        return self._given is not None

    def check(self, jobs: Sequence[Job]) -> None:
        """Name the file of each input's maps, and refuse those that cannot be written.

        Raises
        ------
        OutputError
            If a file exists, is one of the others, or has no folder.
        """
        from napari_restoration.core.files import check_output
        from napari_restoration.core.io import output_format

        if not self.is_wanted:
            return
        sources = [job.source for job in jobs]
        folder = is_folder(self._given, len(sources))
        planned = plan_jobs(sources, Path(self._given), self._label, folder=folder)
        self._targets = {job.source: job.target for job in planned}
        taken = [*sources, *(job.target for job in jobs)]
        for target in self._targets.values():
            if folder and not target.parent.is_dir():
                continue  # made before the first map is written
            check_output(target, taken, self._arguments.overwrite, folder=output_format(target) == "ome-zarr")

    def __call__(self, job: Job, model: Any, settings: RestoreSettings, bar: ProgressBar) -> dict[str, Any]:
        """Judge one restored file and say the sentence; returns its report."""
        from napari_restoration.core import progress
        from napari_restoration.tasks.trust_file import iter_trust_file
        from napari_restoration.tasks.trust_result import TrustProgress

        target = self._targets[job.source]
        if not target.parent.is_dir():
            make_folder(target.parent)
        task = iter_trust_file(
            job.source,
            job.target,
            target,
            model,
            settings,
            self._settings,
            axes=self._arguments.axes,
            overwrite=self._arguments.overwrite,
        )

        def show(report: progress.Progress) -> None:
            if isinstance(report, TrustProgress):
                bar.advance(report.done, report.total, report.message)
            else:
                bar.report(report)

        with closing(task):
            found = progress.run(task, show)
        for text in (found["words"], *found["notices"]):
            bar.note(text)
        return found

    def _chosen(self) -> TrustSettings:
        from napari_restoration.tasks.presets import find_preset
        from napari_restoration.tasks.trust_settings import TrustSettings

        arguments = self._arguments
        given: dict[str, Any] = {}
        if arguments.camera is not None:
            names = ("offset_adu", "gain_electrons_per_adu", "read_noise_electrons")
            given |= dict(zip(names, arguments.camera, strict=True))
        if arguments.trust_preset is not None:
            given["preset"] = find_preset(arguments.trust_preset)
        if arguments.trust_views is not None:
            given["views"] = arguments.trust_views
        return TrustSettings(**given)
