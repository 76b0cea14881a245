@@OPEN@@LiteRtElementType litert_type(Type type) {
  switch (type) {
    case Type::float16: return kLiteRtElementTypeFloat16;
    case Type::float32: return kLiteRtElementTypeFloat32;
    case Type::float64: return kLiteRtElementTypeFloat64;
    case Type::int8: return kLiteRtElementTypeInt8;
    case Type::uint8: return kLiteRtElementTypeUInt8;
    case Type::int16: return kLiteRtElementTypeInt16;
    case Type::int32: return kLiteRtElementTypeInt32;
    case Type::int64: return kLiteRtElementTypeInt64;
    case Type::boolean: return kLiteRtElementTypeBool;
    default: edgeproof::fail("a type that the model does not take");
  }
}

void check(LiteRtStatus status, const char* tried) {
  if (status != kLiteRtStatusOk) edgeproof::fail(std::string(tried) + " failed with " + std::to_string(int(status)));
}

// A tensor's memory as LiteRT wants it, freed at the end of a call.
class Buffer {
 public:
  Buffer(LiteRtEnvironment environment, Type type, const LiteRtLayout& layout) : shape(layout.dimensions, layout.dimensions + layout.rank) {
    LiteRtRankedTensorType described{};
    described.element_type = litert_type(type);
    described.layout = layout;
    size_ = edgeproof::count_of(shape) * edgeproof::size_of(type);
    check(LiteRtCreateManagedTensorBuffer(environment, kLiteRtTensorBufferTypeHostMemory, &described, size_, &handle),
          "making a buffer");
  }
  Buffer(Buffer&& other) noexcept : handle(std::exchange(other.handle, nullptr)), shape(other.shape), size_(other.size_) {}
  ~Buffer() {
    if (handle != nullptr) LiteRtDestroyTensorBuffer(handle);
  }

  void copy(std::uint8_t* to, const std::uint8_t* from) {
    void* memory = nullptr;
    const auto mode = from ? kLiteRtTensorBufferLockModeWrite : kLiteRtTensorBufferLockModeRead;
    check(LiteRtLockTensorBuffer(handle, &memory, mode), "locking a buffer");
    if (from) std::memcpy(memory, from, size_);
    else std::memcpy(to, memory, size_);
    check(LiteRtUnlockTensorBuffer(handle), "unlocking a buffer");
  }
  std::size_t size() const { return size_; }

  LiteRtTensorBuffer handle = nullptr;
  std::vector<std::int64_t> shape;

 private:
  std::size_t size_ = 0;
};

class Model {
 public:
  explicit Model(const std::string& file) {
    check(LiteRtCreateEnvironment(0, nullptr, &environment_), "making an environment");
    check(LiteRtCreateModelFromFile(environment_, file.c_str(), &model_), "loading the model");
    check(LiteRtGetModelSignature(model_, 0, &signature_), "finding the signature");
  }
  ~Model() {
    if (compiled_ != nullptr) LiteRtDestroyCompiledModel(compiled_);
    LiteRtDestroyModel(model_);
    LiteRtDestroyEnvironment(environment_);
  }

  Tensors run(const Tensors& inputs) {
    prepare(inputs);
    std::vector<Buffer> given, answers;
    std::vector<LiteRtTensorBuffer> given_handles, answer_handles;
    for (LiteRtParamIndex place = 0; place < kInputs.size(); ++place) {
      const Tensor& input = inputs[input_at(place)];
      given.emplace_back(environment_, input.type, resized(place, input.shape));
      given.back().copy(nullptr, input.bytes.data());
      given_handles.push_back(given.back().handle);
    }
    std::vector<LiteRtLayout> layouts(kOutputs.size());
    check(LiteRtGetCompiledModelOutputTensorLayouts(compiled_, 0, layouts.size(), layouts.data(), true), "asking for shapes");
@@FOLLOW@@    for (LiteRtParamIndex place = 0; place < kOutputs.size(); ++place) {
      answers.emplace_back(environment_, kOutputs[output_at(place)].type, layouts[place]);
      answer_handles.push_back(answers.back().handle);
    }
    check(LiteRtRunCompiledModel(compiled_, 0, given.size(), given_handles.data(), answers.size(), answer_handles.data()),
          "running the model");
    Tensors outputs(kOutputs.size());
    for (LiteRtParamIndex place = 0; place < kOutputs.size(); ++place) {
      Tensor& output = outputs[output_at(place)];
      output = {kOutputs[output_at(place)].type, answers[place].shape, std::vector<std::uint8_t>(answers[place].size())};
      answers[place].copy(output.bytes.data(), nullptr);
    }
    return outputs;
  }

 private:
  // Compiles for the first call and whenever sizes are others than last time: what is compiled keeps those of its calls.
  void prepare(const Tensors& inputs) {
    std::vector<std::vector<std::int64_t>> shapes;
    for (const Tensor& input : inputs) shapes.push_back(input.shape);
    if (compiled_ != nullptr && shapes == shapes_) return;
    if (compiled_ != nullptr) LiteRtDestroyCompiledModel(std::exchange(compiled_, nullptr));
    LiteRtOptions options = nullptr;
    check(LiteRtCreateOptions(&options), "making options");
    check(LiteRtSetOptionsHardwareAccelerators(options, kLiteRtHwAcceleratorCpu), "choosing the processor");
    const LiteRtStatus status = LiteRtCreateCompiledModel(environment_, model_, options, &compiled_);
    LiteRtDestroyOptions(options);
    check(status, "compiling the model");
    shapes_ = shapes;
  }

  // A signature's tensors have an order of their own; names say which is which.
  std::size_t input_at(LiteRtParamIndex place) const {
    const char* name = nullptr;
    check(LiteRtGetSignatureInputName(signature_, place, &name), "asking for a name");
    return named(kInputs, name);
  }
  std::size_t output_at(LiteRtParamIndex place) const {
    const char* name = nullptr;
    check(LiteRtGetSignatureOutputName(signature_, place, &name), "asking for a name");
    return named(kOutputs, name);
  }
  static std::size_t named(const std::vector<edgeproof::Port>& ports, const std::string& name) {
    for (std::size_t place = 0; place < ports.size(); ++place)
      if (ports[place].name == name) return place;
    edgeproof::fail("the model has a tensor " + name + ", which is not expected");
  }
  // The layout of an input that has this shape from now on.
  LiteRtLayout resized(LiteRtParamIndex place, const std::vector<std::int64_t>& shape) {
    LiteRtLayout layout{};
    check(LiteRtGetCompiledModelInputTensorLayout(compiled_, 0, place, &layout), "asking for a shape");
    const std::vector<int> wanted(shape.begin(), shape.end());
    if (std::vector<int>(layout.dimensions, layout.dimensions + layout.rank) == wanted) return layout;
    check(LiteRtCompiledModelResizeInputTensor(compiled_, 0, place, wanted.data(), wanted.size()), "setting a shape");
    layout = {};
    layout.rank = static_cast<unsigned>(wanted.size());
    std::copy(wanted.begin(), wanted.end(), layout.dimensions);
    return layout;
  }

  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
  LiteRtSignature signature_ = nullptr;
  std::vector<std::vector<std::int64_t>> shapes_;
};
