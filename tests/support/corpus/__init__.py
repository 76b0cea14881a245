"""Hostile and damaged checkpoints, made by scripts; a canary writes a file into a folder that is watched."""
