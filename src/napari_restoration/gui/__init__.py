"""napari widgets, workers, layers <-> images. Nothing here computes."""
