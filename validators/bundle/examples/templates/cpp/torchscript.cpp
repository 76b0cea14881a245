torch::ScalarType scalar_type(Type type) {
  switch (type) {
    case Type::float16: return torch::kHalf;
    case Type::float32: return torch::kFloat;
    case Type::float64: return torch::kDouble;
    case Type::int8: return torch::kChar;
    case Type::uint8: return torch::kByte;
    case Type::int16: return torch::kShort;
    case Type::int32: return torch::kInt;
    case Type::int64: return torch::kLong;
    case Type::boolean: return torch::kBool;
    default: edgeproof::fail("a type that the module does not take");
  }
}

// A module answers with a tensor, or with tensors in tuples, lists and dictionaries.
void collect(const c10::IValue& value, std::vector<torch::Tensor>& found) {
  if (value.isTensor()) {
    found.push_back(value.toTensor().contiguous());
  } else if (value.isTuple()) {
    for (const c10::IValue& part : value.toTupleRef().elements()) collect(part, found);
  } else if (value.isList()) {
    for (const c10::IValue& part : value.toListRef()) collect(part, found);
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) collect(entry.value(), found);
  }
}

class Model {
 public:
  explicit Model(const std::string& file) {
@@ENGINE@@    module_ = torch::jit::load(file);
    module_.eval();
  }

  Tensors run(const Tensors& inputs) {
    const torch::InferenceMode no_gradients;
    std::vector<c10::IValue> given;
    for (const Tensor& input : inputs)
      given.emplace_back(torch::from_blob(const_cast<std::uint8_t*>(input.bytes.data()), input.shape, scalar_type(input.type)));
    std::vector<torch::Tensor> answers;
    collect(module_.forward(given), answers);
    Tensors outputs;
    for (std::size_t place = 0; place < kOutputs.size(); ++place) {
      const torch::Tensor& answer = answers.at(place);
      if (answer.scalar_type() != scalar_type(kOutputs[place].type)) edgeproof::fail("another type of output");
      const auto* bytes = static_cast<const std::uint8_t*>(answer.const_data_ptr());
      outputs.push_back({kOutputs[place].type, answer.sizes().vec(), {bytes, bytes + answer.nbytes()}});
    }
    return outputs;
  }

 private:
  torch::jit::Module module_;
};
