"""The same work on one or many files, with one progress bar, one exit status and one JSON object."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari_restoration.cli import options
from napari_restoration.cli.messages import (
    BAD_INPUT,
    DONE,
    FAILED,
    INTERRUPTED,
    exit_code,
    print_json,
    say,
    sentence,
)
from napari_restoration.cli.outputs import Failure, Job, is_folder, make_folder, plan_jobs, sort_out

if TYPE_CHECKING:
    from napari_restoration.cli.bar import ProgressBar


class Work(Protocol):
    """What a command does to each file."""

    done: str
    """What has then been done to it, as ``"restored"``."""

    def prepare(self, bar: ProgressBar) -> None:
        """Do once what several files share."""
        ...

    def __call__(self, job: Job, bar: ProgressBar) -> tuple[dict[str, Any], str]:
        """Do one file; returns its entry for ``--json`` and the line for people."""
        ...


def run_batch(
    arguments: argparse.Namespace,
    label: str,
    work: Work,
    *,
    check: Callable[[Sequence[Job]], None] | None = None,
) -> int:
    """Do the work on every input of a command.

    Parameters
    ----------
    arguments : Namespace
        With ``input``, ``output``, ``overwrite``, ``json`` and ``debug``.
    label : str
        Names the results of several inputs: ``cell.tif`` becomes ``cell [label].tif``.
    work : Work
        What is done to each.
    check : callable, optional
        Further refusals, before any file is read.

    Returns
    -------
    int
        Exit status. Of several inputs: 0 if all are done, 1 if only some, 2 if none because of the input.
    """
    sources = options.as_paths(arguments.input)
    output = Path(arguments.output)
    folder = is_folder(arguments.output, len(sources))
    jobs = plan_jobs(sources, output, label, folder=folder)
    if check is not None:
        check(jobs)
    good, failed = sort_out(jobs, overwrite=arguments.overwrite, folder=folder)
    if failed and len(sources) == 1:
        raise failed[0].error
    if folder and good:
        make_folder(output)
    batch = _Batch(work, len(jobs), debug=arguments.debug)
    for failure in failed:
        say(f"{failure.source}: not {work.done}. {sentence(failure.error)}")
    batch.failed += failed
    code = batch.run(good)
    if len(sources) > 1:
        batch.summarise()
    if arguments.json:
        print_json(batch.as_json())
    return code


class _Batch:
    """The files of one command, done one after the other; a bad one does not stop the others."""

    def __init__(self, work: Work, inputs: int, *, debug: bool) -> None:
        self._work = work
        self._inputs = inputs
        self._debug = debug
        self.results: list[dict[str, Any]] = []
        self.failed: list[Failure] = []
        self.interrupted = False

    def run(self, jobs: Sequence[Job]) -> int:
        """Do all files and tell the exit status."""
        from napari_restoration.cli.bar import ProgressBar

        with ProgressBar(len(jobs)) as bar:
            if len(jobs) > 1:
                self._work.prepare(bar)
            for job in jobs:
                bar.begin(job.source.name)
                try:
                    report, line = self._work(job, bar)
                except KeyboardInterrupt:
                    if self._inputs == 1:
                        raise
                    self.interrupted = True
                    return INTERRUPTED
                except Exception as error:
                    if self._inputs == 1 or self._debug:
                        raise
                    code = exit_code(error, work_began=bar.tiles_done)
                    self.failed.append(Failure(job.source, error, code))
                    bar.end(f"{job.source}: not {self._work.done}. {sentence(error)}")
                else:
                    self.results.append({"input": str(job.source), **report})
                    bar.end(line)
        if not self.failed:
            return DONE
        none_by_input = not self.results and all(failure.code == BAD_INPUT for failure in self.failed)
        return BAD_INPUT if none_by_input else FAILED

    def summarise(self) -> None:
        """Say in a line what became of several files, unless all went well."""
        done = f"{len(self.results)} of {self._inputs} files {self._work.done}"
        if self.interrupted:
            say(f"Interrupted: {done}; no unfinished file was left behind.")
        elif self.failed:
            say(f"{done}, {len(self.failed)} not.")

    def as_json(self) -> dict[str, Any]:
        """The report of the one input, or of all."""
        if self._inputs == 1:
            return self.results[0]
        failed = [{"input": str(one.source), "error": sentence(one.error)} for one in self.failed]
        extra = {"interrupted": True} if self.interrupted else {}
        return {"results": self.results, "failed": failed, **extra}
