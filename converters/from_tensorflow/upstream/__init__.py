"""What we change in tf2onnx and TensorFlow while they make an ONNX graph: one reason a file, all undone after."""
