"""Prepares a target: an emulator, a small Linux root and the runtimes, without root and beside the system."""
