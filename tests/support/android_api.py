"""Declarations of what the Kotlin examples call of the runtimes' Java APIs, as their documentation has them."""

from __future__ import annotations

from pathlib import Path

_ONNX = """
package ai.onnxruntime;
enum: public enum OnnxJavaType { FLOAT, DOUBLE, INT8, INT16, INT32, INT64, BOOL, STRING, UINT8, FLOAT16, BFLOAT16 }
class: public interface OnnxValue extends AutoCloseable { void close(); }
class: public class TensorInfo { public final OnnxJavaType type = null; public long[] getShape() { return null; } }
class: public class OrtException extends Exception {}
class: public class OrtEnvironment implements AutoCloseable {
  public static OrtEnvironment getEnvironment() { return null; }
  public OrtSession createSession(String path, OrtSession.SessionOptions options) throws OrtException { return null; }
  public void close() {}
}
class: public class OnnxTensor implements OnnxValue {
  public static OnnxTensor createTensor(OrtEnvironment env, java.nio.ByteBuffer data, long[] shape, OnnxJavaType type)
      throws OrtException { return null; }
  public TensorInfo getInfo() { return null; }
  public java.nio.ByteBuffer getByteBuffer() { return null; }
  public void close() {}
}
class: public class OrtSession implements AutoCloseable {
  public static class SessionOptions implements AutoCloseable { public void close() {} }
  public static class Result implements AutoCloseable {
    public java.util.Optional<OnnxValue> get(String key) { return null; }
    public void close() {}
  }
  public Result run(java.util.Map<String, ? extends OnnxTensor> inputs) throws OrtException { return null; }
  public void close() throws OrtException {}
}
"""
_LITERT = """
package org.tensorflow.lite;
class: public interface Tensor {
  int index(); int[] shape(); int numBytes(); java.nio.ByteBuffer asReadOnlyBuffer();
}
class: public final class Interpreter implements AutoCloseable {
  public Interpreter(java.io.File model) {}
  public String[] getSignatureKeys() { return null; }
  public int getInputTensorCount() { return 0; }
  public int getOutputTensorCount() { return 0; }
  public Tensor getInputTensor(int place) { return null; }
  public Tensor getOutputTensor(int place) { return null; }
  public Tensor getInputTensorFromSignature(String name, String key) { return null; }
  public Tensor getOutputTensorFromSignature(String name, String key) { return null; }
  public void resizeInput(int place, int[] shape) {}
  public void allocateTensors() {}
  public void runForMultipleInputsOutputs(Object[] inputs, java.util.Map<Integer, Object> outputs) {}
  public void close() {}
}
"""
_EXECUTORCH = """
package org.pytorch.executorch;
class: public class EValue {
  public static EValue from(Tensor tensor) { return null; }
  public Tensor toTensor() { return null; }
}
class: public class Module {
  public static Module load(String path) { return null; }
  public EValue[] forward(EValue... inputs) { return null; }
  public void destroy() {}
}
class: public abstract class Tensor {
  public static Tensor fromBlob(float[] data, long[] shape) { return null; }
  public static Tensor fromBlob(double[] data, long[] shape) { return null; }
  public static Tensor fromBlob(byte[] data, long[] shape) { return null; }
  public static Tensor fromBlob(int[] data, long[] shape) { return null; }
  public static Tensor fromBlob(long[] data, long[] shape) { return null; }
  public static Tensor fromBlobUnsigned(byte[] data, long[] shape) { return null; }
  public long[] shape() { return null; }
  public float[] getDataAsFloatArray() { return null; }
  public double[] getDataAsDoubleArray() { return null; }
  public byte[] getDataAsByteArray() { return null; }
  public byte[] getDataAsUnsignedByteArray() { return null; }
  public int[] getDataAsIntArray() { return null; }
  public long[] getDataAsLongArray() { return null; }
}
"""


def write_declarations(folder: Path) -> list[Path]:
    """The declarations as Java sources, one class a file."""
    return [path for text in (_ONNX, _LITERT, _EXECUTORCH) for path in _written(folder, text)]


def _written(folder: Path, text: str) -> list[Path]:
    package, *declared = text.replace("\nenum: ", "\nclass: ").split("\nclass: ")
    package = package.strip()
    place = folder.joinpath(*package.removeprefix("package ").rstrip(";").split("."))
    place.mkdir(parents=True)
    paths: list[Path] = []
    for declaration in declared:
        head = declaration.partition("{")[0].split()
        name = head[1 + max(head.index(word) for word in ("class", "interface", "enum") if word in head)]
        path = place / f"{name}.java"
        path.write_text(f"{package}\n\n{declaration.strip()}\n", encoding="utf-8")
        paths.append(path)
    return paths
