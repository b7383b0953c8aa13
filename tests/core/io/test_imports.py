"""Reading and writing cost nothing until a file is read or written."""

import subprocess
import sys


def test_codecs_are_imported_when_a_file_needs_them() -> None:
    code = (
        "import sys; import napari_restoration.core.io;"
        "sys.exit(', '.join({'tifffile', 'zarr', 'imageio', 'dask', 'PIL', 'torch', 'napari'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 0
