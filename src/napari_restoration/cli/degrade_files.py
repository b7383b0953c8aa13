"""Degrade files: one, or many with one progress bar."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.cli.batch import run_batch
from napari_restoration.cli.outputs import Job, check_job, is_folder, make_folder, plan_jobs
from napari_restoration.core.errors import OutputError
from napari_restoration.core.progress import Notice, Progress

if TYPE_CHECKING:
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.degradations.presets import Preset
    from napari_restoration.tasks.degrade import DegradeSettings


def run_files(arguments: argparse.Namespace) -> int:
    """Degrade every input of the command.

    Returns
    -------
    int
        Exit status; see `run_batch`.
    """
    from napari_restoration.tasks.degrade import DegradeSettings

    preset = chosen_preset(arguments)
    settings = DegradeSettings(
        seed=arguments.seed,
        pixel_size_um=arguments.pixel_size,
        z_step_um=arguments.z_step,
        volume=arguments.volume,
        varied=arguments.vary,
    )
    work = _Degrading(preset, settings, arguments)
    return run_batch(arguments, preset.id, work, check=work.plan)


def chosen_preset(arguments: argparse.Namespace) -> Preset:
    """Return the preset of the command line, at the level and with the settings that are given there.

    Raises
    ------
    InputError
        Naming what is unknown, or the value that is not allowed.
    """
    from napari_restoration.tasks.presets import find_preset, with_frames, with_typed_settings

    preset = find_preset(arguments.preset)
    if arguments.pairs is None:
        preset = (
            preset.at_level(arguments.level) if arguments.level else dataclasses.replace(preset, levels={})
        )
    elif arguments.levels is not None:
        names = [] if arguments.levels == "none" else [name.strip() for name in arguments.levels.split(",")]
        for name in names:
            preset.at_level(name)  # refuses what is unknown
        preset = dataclasses.replace(preset, levels={name: preset.levels[name] for name in names})
    if arguments.frames is not None:
        preset = with_frames(preset, arguments.frames)
    return with_typed_settings(preset, arguments.set, drawn=arguments.vary or arguments.pairs is not None)


def report_to(bar: ProgressBar, progress: Progress) -> None:
    """Move the bar by the steps that are counted."""
    if isinstance(progress, Notice) or not progress.total:
        bar.report(progress)
    else:
        bar.advance(progress.done, progress.total, progress.message)


class _Degrading:
    """What is done to each file."""

    done = "degraded"

    def __init__(self, preset: Preset, settings: DegradeSettings, arguments: argparse.Namespace) -> None:
        self._preset = preset
        self._settings = settings
        self._arguments = arguments
        self._order: dict[Path, int] = {}
        self._targets: dict[Path, Job] = {}
        self._targets_in_folder = False

    def plan(self, jobs: Sequence[Job]) -> None:
        """Number the files for their seeds, and name the target of each."""
        self._order = {job.source: position for position, job in enumerate(jobs)}
        wanted = self._arguments.target
        if wanted is None:
            return
        if is_folder(self._arguments.output, len(jobs)):
            self._targets_in_folder = is_folder(wanted, len(jobs))
            if not self._targets_in_folder:
                raise OutputError(
                    f"--target {wanted} is one file, but the output is a folder: name a folder."
                )
        targets = plan_jobs(
            [job.source for job in jobs],
            Path(wanted),
            f"{self._preset.id} target",
            folder=self._targets_in_folder,
        )
        self._targets = {target.source: target for target in targets}

    def prepare(self, bar: ProgressBar) -> None:
        """Nothing is shared by several files."""

    def __call__(self, job: Job, bar: ProgressBar) -> tuple[dict[str, Any], str]:
        """Degrade one file; of several, each has a seed of its own."""
        from napari_restoration.core import progress
        from napari_restoration.tasks.degrade_file import iter_degrade_file

        target = self._targets.get(job.source)
        if target is not None:
            if self._targets_in_folder:
                make_folder(target.target.parent)
            check_job(target, list(self._order), overwrite=self._arguments.overwrite, folder=False)
        task = iter_degrade_file(
            job.source,
            job.target,
            self._preset,
            dataclasses.replace(self._settings, seed=self._settings.seed + self._order[job.source]),
            target=None if target is None else target.target,
            axes=self._arguments.axes,
            overwrite=self._arguments.overwrite,
        )
        with closing(task):
            report = progress.run(task, lambda one: report_to(bar, one))
        return report, f"{job.source} -> {job.target} ({report['seconds']:.1f} s)"
