"""A Keras CNN that tells faces from background."""
