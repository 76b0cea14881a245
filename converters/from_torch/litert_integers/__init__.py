"""Quantises LiteRT files: integers where the quantised program has them, in kernels that compute in integers."""
