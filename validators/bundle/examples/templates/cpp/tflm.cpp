// How many bytes the runtime may use: the activations' peak and room for its own tables. AllocateTensors() fails if it is
// too little; lower it to what `interpreter.arena_used_bytes()` says.
constexpr std::size_t kArenaBytes = @@ARENA@@;
alignas(16) std::uint8_t arena[kArenaBytes];

class Model {
 public:
  // On a device the model lies in flash: make an array of it (`xxd -i`), and give that to GetModel.
  explicit Model(const std::string& file)
      : content_(edgeproof::read_file(file)),
        resolver_(operators()),
        interpreter_(tflite::GetModel(content_.data()), resolver_, arena, kArenaBytes) {
    if (interpreter_.AllocateTensors() != kTfLiteOk) edgeproof::fail("the arena is too small, or an operator is missing");
  }

  Tensors run(const Tensors& inputs) {
    for (std::size_t place = 0; place < inputs.size(); ++place) {
      TfLiteTensor* input = interpreter_.input(place);
      if (input->bytes != inputs[place].bytes.size()) edgeproof::fail(kInputs[place].name + " has another size");
      std::memcpy(input->data.raw, inputs[place].bytes.data(), input->bytes);
    }
    if (interpreter_.Invoke() != kTfLiteOk) edgeproof::fail("the model does not run");
    Tensors outputs;
    for (std::size_t place = 0; place < kOutputs.size(); ++place) {
      const TfLiteTensor* output = interpreter_.output(place);
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(output->data.raw);
      outputs.push_back({kOutputs[place].type,
                         {output->dims->data, output->dims->data + output->dims->size},
                         {bytes, bytes + output->bytes}});
    }
    return outputs;
  }

 private:
  using Resolver = tflite::MicroMutableOpResolver<@@COUNT@@>;

  // The operators of this model and no others, so that the linker leaves the rest out.
  static Resolver operators() {
    Resolver resolver;
@@OPERATORS@@
    return resolver;
  }

  std::vector<std::uint8_t> content_;
  Resolver resolver_;
  tflite::MicroInterpreter interpreter_;
};
