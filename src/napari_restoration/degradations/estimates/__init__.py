"""What degraded an image, told from the image itself."""
