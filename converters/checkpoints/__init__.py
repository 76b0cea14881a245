"""Recognises checkpoint files by their bytes, without executing them."""
