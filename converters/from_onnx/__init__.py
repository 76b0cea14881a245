"""From an ONNX graph to a torch program, for models that only TensorFlow can run."""
