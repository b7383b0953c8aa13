"""What a person asks for: restore, degrade, train, compare. Widgets, command line and scripts call these."""
