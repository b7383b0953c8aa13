"""Model cards, the registry of models, weight files and their loading.

Importing this package, the cards, the registry and the store loads no torch; ``loader`` and ``archs.*`` do.
"""
