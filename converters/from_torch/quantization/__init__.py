"""Quantises an exported program: which layers, with which scales, and at which cost."""
