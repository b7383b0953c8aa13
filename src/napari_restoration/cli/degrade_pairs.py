"""Write training pairs from the command line."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from pathlib import Path

from napari_restoration.cli import options
from napari_restoration.cli.degrade_files import chosen_preset, report_to
from napari_restoration.cli.messages import DONE, INTERRUPTED, print_json, say
from napari_restoration.core.errors import InputError


def run_pairs(arguments: argparse.Namespace) -> int:
    """Write pairs of every input of the command.

    Returns
    -------
    int
        Exit status.
    """
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.core import progress
    from napari_restoration.tasks.pairs import RECORD, PairSettings, iter_write_pairs

    started = time.monotonic()
    folder = Path(arguments.pairs)
    sources = options.as_paths(arguments.input)
    for source in sources:
        if not source.exists():
            raise InputError(f"{source} does not exist: check its name and folder.")
    preset = chosen_preset(arguments)
    given = {"count": arguments.count, "patch": arguments.patch}
    settings = PairSettings(
        levels=tuple(preset.levels),
        seed=arguments.seed,
        pixel_size_um=arguments.pixel_size,
        z_step_um=arguments.z_step,
        volume=arguments.volume,
        **{name: value for name, value in given.items() if value is not None},
    )
    task = iter_write_pairs(
        sources, preset, folder, settings, axes=arguments.axes, overwrite=arguments.overwrite
    )
    with ProgressBar(1) as bar, closing(task):
        bar.begin(folder.name)
        try:
            report = progress.run(task, lambda one: report_to(bar, one))
        except KeyboardInterrupt:
            task.close()  # writes the record of the whole pairs
            kept = (
                f"the pairs that are whole stay in {folder}, with {RECORD}"
                if (folder / RECORD).exists()
                else ""
            )
            message = f"Interrupted; {kept or 'no pair was written'}."
            say(f"napari-restoration: {message}")
            if arguments.json:
                print_json({"error": message, "exit_code": INTERRUPTED})
            return INTERRUPTED
        written = f"{len(report.pairs)} {'pair' if len(report.pairs) == 1 else 'pairs'}"
        bar.end(f"{written} -> {folder} ({time.monotonic() - started:.1f} s)")
    if arguments.json:
        print_json(
            {
                "preset": preset.id, "seed": settings.seed, "folder": str(folder), "pairs": list(report.pairs),
                "record": str(report.record), "notices": list(report.notices),
                "seconds": round(time.monotonic() - started, 3),
            }
        )  # fmt: skip
    return DONE
