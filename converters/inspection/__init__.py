"""Reads artifacts without running them and without importing a framework."""
