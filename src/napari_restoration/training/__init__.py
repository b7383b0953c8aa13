"""Training: sources, patches, losses, recipes, and the training run on disk.

Nothing here is imported by opening a widget; import the modules inside functions where torch must stay out.
"""
