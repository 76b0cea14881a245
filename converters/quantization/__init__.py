"""Quantisation as data: recipes, observers and the proof that integers run; no framework is imported here."""
