"""Finds the operator at which an artifact leaves its source."""
