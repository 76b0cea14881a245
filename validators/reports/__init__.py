"""Parity reports, one form a file."""
