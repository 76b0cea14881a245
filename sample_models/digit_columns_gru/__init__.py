"""A Keras GRU that reads a digit column by column."""
