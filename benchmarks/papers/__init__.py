"""One small reproduction for each paper: its recipe, its rivals and ours on the nearest data there is."""
