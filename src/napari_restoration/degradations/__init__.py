"""Forward models: how a microscope turns a specimen into an imperfect image."""
