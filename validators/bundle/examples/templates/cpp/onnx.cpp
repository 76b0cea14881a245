ONNXTensorElementDataType onnx_type(Type type) {
  switch (type) {
    case Type::float16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    case Type::float32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    case Type::float64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
    case Type::int8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
    case Type::uint8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
    case Type::int16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16;
    case Type::uint16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16;
    case Type::int32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    case Type::uint32: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32;
    case Type::int64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    case Type::uint64: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64;
    default: return ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL;
  }
}

class Model {
 public:
  explicit Model(const std::string& file) : session_(environment_, file.c_str(), Ort::SessionOptions{}) {}

  Tensors run(const Tensors& inputs) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<Ort::Value> given;
    for (const Tensor& input : inputs)
      given.push_back(Ort::Value::CreateTensor(memory, const_cast<std::uint8_t*>(input.bytes.data()), input.bytes.size(),
                                               input.shape.data(), input.shape.size(), onnx_type(input.type)));
    const std::vector<const char*> taken = names(kInputs), wanted = names(kOutputs);
    const std::vector<Ort::Value> answers = session_.Run(Ort::RunOptions{nullptr}, taken.data(), given.data(),
                                                         given.size(), wanted.data(), wanted.size());
    Tensors outputs;
    for (std::size_t place = 0; place < answers.size(); ++place) {
      const auto facts = answers[place].GetTensorTypeAndShapeInfo();
      if (facts.GetElementType() != onnx_type(kOutputs[place].type)) edgeproof::fail("another type of output");
      const auto* bytes = static_cast<const std::uint8_t*>(answers[place].GetTensorRawData());
      const std::size_t size = facts.GetElementCount() * edgeproof::size_of(kOutputs[place].type);
      outputs.push_back({kOutputs[place].type, facts.GetShape(), {bytes, bytes + size}});
    }
    return outputs;
  }

 private:
  static std::vector<const char*> names(const std::vector<edgeproof::Port>& ports) {
    std::vector<const char*> found;
    for (const edgeproof::Port& port : ports) found.push_back(port.name.c_str());
    return found;
  }

  Ort::Env environment_{ORT_LOGGING_LEVEL_ERROR};
  Ort::Session session_;
};
