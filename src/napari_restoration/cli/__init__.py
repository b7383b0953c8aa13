"""The command line: the tasks of the widgets, from a terminal.

One module for each command; `command` puts them together. A package, so that no file grows past one subject.
"""

from napari_restoration.cli.command import main

__all__ = ["main"]
