"""Small trained models with labelled data, in PyTorch and Keras."""
