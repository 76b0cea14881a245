"""ONNX operators as torch calls, one small function each, one file per kind."""
