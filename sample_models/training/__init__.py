"""What the training scripts of the samples share."""
