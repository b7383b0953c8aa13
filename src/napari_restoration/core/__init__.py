"""Arrays and values: images, axes, normalisation, tiling, metrics, files. Knows neither torch nor Qt."""
