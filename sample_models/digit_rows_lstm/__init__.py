"""A PyTorch LSTM that reads a digit row by row."""
