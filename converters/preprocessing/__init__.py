"""Preprocessing as data: from an image, a sound or a text to a model's inputs, the same bits in every language."""
