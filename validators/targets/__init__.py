"""Where an artifact can run."""
