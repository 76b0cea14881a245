"""Texts written into artifacts: what an app must know travels in the file itself."""
