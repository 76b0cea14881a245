"""From TensorFlow functions to LiteRT and ONNX: SavedModels, models of Keras 2, and Keras 3 under TensorFlow."""
