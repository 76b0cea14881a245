"""From Keras to every format."""
