"""Judges: runs artifacts beside their source and says whether they compute the same."""
