namespace et = executorch::runtime;

// How many bytes the runtime may use for its own tables, and for scratch memory of its backends during a call; what the
// program plans for its tensors comes on top. Lower them until loading or a call fails.
alignas(16) std::uint8_t method_pool[@@METHOD_POOL@@];
alignas(16) std::uint8_t scratch_pool[@@SCRATCH_POOL@@];

template <typename Value>
Value& checked(et::Result<Value>& result, const char* tried) {
  if (!result.ok()) edgeproof::fail(std::string(tried) + " failed with error " + std::to_string(int(result.error())));
  return result.get();
}

class Model {
 public:
  // On a device the program lies in flash: make an array of it (`xxd -i`), aligned to 16 bytes, and give that to the loader.
  explicit Model(const std::string& file)
      : content_(edgeproof::read_file(file)),
        loader_(content_.data(), content_.size()),
        program_(et::Program::load(&loader_)),
        pool_(sizeof method_pool, method_pool),
        scratch_(sizeof scratch_pool, scratch_pool) {
    const et::Program& program = checked(program_, "loading the program");
    auto meta = program.method_meta("forward");
    const et::MethodMeta& described = checked(meta, "describing forward");
    for (std::size_t place = 0; place < described.num_memory_planned_buffers(); ++place)
      planned_.emplace_back(static_cast<std::size_t>(described.memory_planned_buffer_size(place).get()));
    for (std::vector<std::uint8_t>& buffer : planned_) spans_.emplace_back(buffer.data(), buffer.size());
    planned_memory_ = std::make_unique<et::HierarchicalAllocator>(
        et::Span<et::Span<std::uint8_t>>(spans_.data(), spans_.size()));
    memory_ = std::make_unique<et::MemoryManager>(&pool_, planned_memory_.get(), &scratch_);
    method_ = std::make_unique<et::Result<et::Method>>(program.load_method("forward", memory_.get()));
    checked(*method_, "loading forward");
  }

  Tensors run(const Tensors& inputs) {
    et::Method& method = method_->get();
    for (std::size_t place = 0; place < inputs.size(); ++place) {
      auto meta = method.method_meta().input_tensor_meta(place);
      const et::TensorInfo& described = checked(meta, "describing an input");
      std::vector<executorch::aten::SizesType> sizes(inputs[place].shape.begin(), inputs[place].shape.end());
      std::vector<executorch::aten::DimOrderType> order(described.dim_order().begin(), described.dim_order().end());
      executorch::aten::TensorImpl impl(described.scalar_type(), sizes.size(), sizes.data(),
                                        const_cast<std::uint8_t*>(inputs[place].bytes.data()), order.data());
      if (method.set_input(et::EValue(executorch::aten::Tensor(&impl)), place) != et::Error::Ok)
        edgeproof::fail(kInputs[place].name + " was not taken");
    }
    if (method.execute() != et::Error::Ok) edgeproof::fail("the program does not run");
    Tensors outputs;
    for (std::size_t place = 0; place < kOutputs.size(); ++place) {
      const executorch::aten::Tensor answer = method.get_output(place).toTensor();
      const auto* bytes = static_cast<const std::uint8_t*>(answer.const_data_ptr());
      outputs.push_back(
          {kOutputs[place].type, {answer.sizes().begin(), answer.sizes().end()}, {bytes, bytes + answer.nbytes()}});
    }
    return outputs;
  }

 private:
  std::vector<std::uint8_t> content_;
  executorch::extension::BufferDataLoader loader_;
  et::Result<et::Program> program_;
  et::MemoryAllocator pool_, scratch_;
  std::vector<std::vector<std::uint8_t>> planned_;
  std::vector<et::Span<std::uint8_t>> spans_;
  std::unique_ptr<et::HierarchicalAllocator> planned_memory_;
  std::unique_ptr<et::MemoryManager> memory_;
  std::unique_ptr<et::Result<et::Method>> method_;
};
