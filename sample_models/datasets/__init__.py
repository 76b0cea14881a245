"""Labelled data that installed packages ship, as the training scripts read it."""
