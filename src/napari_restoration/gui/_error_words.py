"""What a panel says of an error that ended its work."""

from __future__ import annotations

import logging

from napari_restoration.core.errors import RestorationError

_LOG = logging.getLogger(__name__)


def error_words(
    error: BaseException, doing: str, rest: str = "your images are unchanged", *, memory: str = ""
) -> str:
    """The error's own words if it has some for people; else its kind, with the rest in the log.

    Parameters
    ----------
    error : BaseException
        What ended the work.
    doing : str
        The work, to begin a sentence with, such as "Restoring".
    rest : str
        What is still as it was, or what to try, to end that sentence with.
    memory : str
        A sentence of its own for the case that memory ran out.
    """
    if isinstance(error, RestorationError):
        return str(error)
    _LOG.error("%s failed.", doing, exc_info=error)
    if memory and isinstance(error, MemoryError):
        return memory
    what = f"{type(error).__name__}: {error}".rstrip(".: ")
    return f"{doing} failed ({what}); {rest}."
