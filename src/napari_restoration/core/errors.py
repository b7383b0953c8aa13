"""The errors a user can act on.

Each carries one sentence that names the layer or file, says what was found and what to do about it. The
command line prints that sentence and exits, the widgets show it as a notice; neither shows a traceback.
"""


class RestorationError(Exception):
    """Anything that a user can put right. ``str(error)`` is one sentence with the fix."""


class InputError(RestorationError, ValueError):
    """An image, a file, an axes string or a setting that cannot be used as it is."""


class ModelError(RestorationError):
    """A model that is unknown, damaged, or does not fit what its card promises."""


class OutputError(RestorationError):
    """A result that cannot be written where it was asked for."""


class TileTooLarge(RestorationError, MemoryError):
    """The network ran out of memory on one tile. Tiled inference answers with smaller tiles."""
