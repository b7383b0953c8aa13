"""``python -m napari_restoration`` is the command ``napari-restoration``."""

import sys

from napari_restoration.cli import main

if __name__ == "__main__":
    sys.exit(main())
