// A method of a program, loaded with all the memory it needs, ready to be called again and again.
#include "loaded_method.h"

#include <executorch/runtime/backend/interface.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "failure.h"
#include "runtime_log.h"

namespace edgeproof {
namespace {

namespace et = executorch::runtime;

std::uint32_t code_of(et::Error error) {
  return static_cast<std::uint32_t>(error);
}

template <typename Value>
Value& checked(et::Result<Value>& result, const std::string& tried) {
  if (!result.ok()) {
    throw runtime_failure(tried, code_of(result.error()));
  }
  return result.get();
}

void check(et::Error error, const std::string& tried) {
  if (error != et::Error::Ok) {
    throw runtime_failure(tried, code_of(error));
  }
}

std::vector<std::string> methods_of(const et::Program& program) {
  std::vector<std::string> names;
  for (std::size_t place = 0; place < program.num_methods(); ++place) {
    et::Result<const char*> name = program.get_method_name(place);
    names.emplace_back(checked(name, "the name of method " + std::to_string(place) + " cannot be read"));
  }
  return names;
}

et::Program load_program(MappedFile& file) {
  et::Result<et::Program> program = et::Program::load(&file, et::Program::Verification::InternalConsistency);
  return std::move(checked(program, "the program cannot be loaded"));
}

et::MethodMeta meta_of(const et::Program& program, const std::string& name) {
  const std::vector<std::string> names = methods_of(program);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw Failure("the program has no method '" + name + "', its methods are: " + joined(names));
  }
  et::Result<et::MethodMeta> meta = program.method_meta(name.c_str());
  return checked(meta, "the method '" + name + "' cannot be described");
}

std::string registered_backends() {
  std::vector<std::string> names;
  for (std::size_t place = 0; place < et::get_num_registered_backends(); ++place) {
    const et::Result<const char*> name = et::get_backend_name(place);
    names.emplace_back(name.ok() ? name.get() : "?");
  }
  return names.empty() ? "none" : joined(names);
}

et::Method load_method(const et::Program& program, const std::string& name, et::MemoryManager& memory) {
  const std::string tried = "the method '" + name + "' cannot be loaded";
  et::Result<et::Method> method = program.load_method(name.c_str(), &memory);
  if (!method.ok() && method.error() == et::Error::NotFound) {
    throw runtime_failure(tried + " (this runtime has the backends: " + registered_backends() + ")",
                          code_of(method.error()));
  }
  return std::move(checked(method, tried));
}

template <typename Number>
Number number_in(const Array& array) {
  Number value;
  std::memcpy(&value, array.memory.data(), sizeof value);
  return value;
}

template <typename Number>
void put_number(Array& array, Number value) {
  array.shape.clear();
  array.memory.reserve(sizeof value);
  std::memcpy(array.memory.data(), &value, sizeof value);
}

void read_tensor(const et::etensor::Tensor& tensor, const std::string& which, Array& array) {
  const Shape shape(tensor.sizes().begin(), tensor.sizes().end());
  const std::vector<std::uint8_t> dim_order(tensor.dim_order().begin(), tensor.dim_order().end());
  array.shape = shape;
  array.memory.reserve(array.bytes());
  const void* data = tensor.const_data_ptr();
  if (array.bytes() == 0) {
    return;
  }
  if (data == nullptr) {
    throw Failure(which + " has " + std::to_string(array.bytes()) + " bytes, and the program points to none");
  }
  if (std::is_sorted(dim_order.begin(), dim_order.end())) {
    std::memcpy(array.memory.data(), data, array.bytes());
  } else {
    copy_to_c_order(shape, strides_of(shape, dim_order), array.dtype->size, data, array.memory.data());
  }
}

}  // namespace

PlannedMemory::PlannedMemory(const et::MethodMeta& meta) {
  const std::size_t count = meta.num_memory_planned_buffers();
  buffers_.resize(count);
  for (std::size_t place = 0; place < count; ++place) {
    et::Result<std::int64_t> size = meta.memory_planned_buffer_size(place);
    const std::string tried = "the size of planned buffer " + std::to_string(place) + " cannot be used";
    const std::int64_t bytes = checked(size, tried);
    if (bytes < 0) {
      throw runtime_failure(tried, code_of(et::Error::InvalidProgram));
    }
    buffers_[place].reserve(static_cast<std::size_t>(bytes));
    spans_.emplace_back(buffers_[place].data(), static_cast<std::size_t>(bytes));
  }
  allocator_.emplace(et::Span<et::Span<std::uint8_t>>(spans_.data(), spans_.size()));
}

LoadedMethod::LoadedMethod(const std::string& path, const std::string& name)
    : name_(name),
      file_(path),
      program_(load_program(file_)),
      planned_(meta_of(program_, name)),
      memory_manager_(&method_allocator_, planned_.allocator(), &temporary_allocator_),
      method_(load_method(program_, name, memory_manager_)),
      inputs_(inputs_of(method_)),
      outputs_(outputs_of(method_)),
      reordered_(inputs_.size()),
      tensors_(inputs_.size()) {
  give_outputs_memory();
}

// The exporter may leave the memory of outputs to whoever calls the method.
void LoadedMethod::give_outputs_memory() {
  output_memory_.resize(outputs_.size());
  for (std::size_t place = 0; place < outputs_.size(); ++place) {
    const ValueSpec& spec = outputs_[place];
    if (!spec.is_tensor() || spec.planned) {
      continue;
    }
    output_memory_[place].reserve(spec.bytes);
    check(
        method_.set_output_data_ptr(output_memory_[place].data(), spec.bytes, place),
        "the memory of output " + std::to_string(place) + " cannot be given");
  }
}

std::vector<std::string> LoadedMethod::methods() const {
  return methods_of(program_);
}

std::vector<std::string> LoadedMethod::backends() const {
  const et::MethodMeta meta = method_.method_meta();
  std::vector<std::string> names;
  for (std::size_t place = 0; place < meta.num_backends(); ++place) {
    et::Result<const char*> name = meta.get_backend_name(place);
    const std::string text = checked(name, "the name of backend " + std::to_string(place) + " cannot be read");
    if (std::find(names.begin(), names.end(), text) == names.end()) {
      names.push_back(text);  // one entry for each part that a backend got, so the names repeat
    }
  }
  return names;
}

std::optional<PlanFacts> LoadedMethod::facts() const {
  return facts_of(file_.bytes(), file_.length(), name_);
}

et::EValue LoadedMethod::tensor_of(std::size_t place, const Array& array) {
  const ValueSpec& spec = inputs_[place];
  void* data = array.memory.data();
  if (!spec.in_c_order()) {
    reordered_[place].reserve(array.bytes());
    data = reordered_[place].data();
    copy_from_c_order(
        array.shape, strides_of(array.shape, spec.dim_order), spec.dtype->size, array.memory.data(), data);
  }
  const std::vector<et::etensor::TensorImpl::SizesType> sizes(array.shape.begin(), array.shape.end());
  tensors_[place] = executorch::extension::make_tensor_ptr(sizes, data, spec.dim_order, {}, spec.scalar_type);
  return et::EValue(*tensors_[place]);
}

void LoadedMethod::set_input(std::size_t place, const Array& array) {
  const std::string tried = "input " + std::to_string(place) + " of the shape " + in_words(array.shape) + " is refused";
  switch (inputs_[place].tag) {
    case et::Tag::Int:
      check(method_.set_input(et::EValue(number_in<std::int64_t>(array)), place), tried);
      break;
    case et::Tag::Double:
      check(method_.set_input(et::EValue(number_in<double>(array)), place), tried);
      break;
    case et::Tag::Bool:
      check(method_.set_input(et::EValue(number_in<std::uint8_t>(array) != 0), place), tried);
      break;
    default:
      check(method_.set_input(tensor_of(place, array), place), tried);
  }
}

double LoadedMethod::execute() {
  const auto start = std::chrono::steady_clock::now();
  const et::Error error = method_.execute();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  check(error, "the method '" + name_ + "' failed");
  return took.count();
}

void LoadedMethod::read_output(std::size_t place, Array& array) const {
  const std::string which = "output " + std::to_string(place);
  array.dtype = outputs_[place].dtype;
  const et::EValue& value = method_.get_output(place);
  if (value.tag != outputs_[place].tag) {
    throw Failure(which + " is of another kind than the program says");
  }
  switch (value.tag) {
    case et::Tag::Int:
      return put_number(array, value.toInt());
    case et::Tag::Double:
      return put_number(array, value.toDouble());
    case et::Tag::Bool:
      return put_number(array, static_cast<std::uint8_t>(value.toBool() ? 1 : 0));
    default:
      return read_tensor(value.toTensor(), which, array);
  }
}

}  // namespace edgeproof
