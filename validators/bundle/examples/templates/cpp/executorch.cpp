using executorch::aten::ScalarType;

ScalarType scalar_type(Type type) {
  switch (type) {
    case Type::float16: return ScalarType::Half;
    case Type::float32: return ScalarType::Float;
    case Type::float64: return ScalarType::Double;
    case Type::int8: return ScalarType::Char;
    case Type::uint8: return ScalarType::Byte;
    case Type::int16: return ScalarType::Short;
    case Type::int32: return ScalarType::Int;
    case Type::int64: return ScalarType::Long;
    case Type::boolean: return ScalarType::Bool;
    default: edgeproof::fail("a type that no program takes");
  }
}

class Model {
 public:
  explicit Model(const std::string& file) : module_(file) {}

  Tensors run(const Tensors& inputs) {
    std::vector<executorch::extension::TensorPtr> tensors;  // they own what the calls below point to
    std::vector<executorch::runtime::EValue> given;
    for (const Tensor& input : inputs) {
      std::vector<executorch::aten::SizesType> sizes(input.shape.begin(), input.shape.end());
      tensors.push_back(executorch::extension::make_tensor_ptr(
          std::move(sizes), const_cast<std::uint8_t*>(input.bytes.data()), {}, {}, scalar_type(input.type)));
      given.emplace_back(*tensors.back());
    }
    const auto answers = module_.forward(given);
    if (!answers.ok()) edgeproof::fail("forward failed with error " + std::to_string(int(answers.error())));
    Tensors outputs;
    for (std::size_t place = 0; place < kOutputs.size(); ++place) {
      const executorch::aten::Tensor answer = answers->at(place).toTensor();
      if (answer.scalar_type() != scalar_type(kOutputs[place].type)) edgeproof::fail("another type of output");
      const auto* bytes = static_cast<const std::uint8_t*>(answer.const_data_ptr());
      outputs.push_back({kOutputs[place].type, {answer.sizes().begin(), answer.sizes().end()}, {bytes, bytes + answer.nbytes()}});
    }
    return outputs;
  }

 private:
  executorch::extension::Module module_;
};
