"""A Keras model with two named inputs and two named outputs."""
