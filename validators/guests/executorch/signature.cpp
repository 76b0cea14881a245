// What a method takes and gives: kinds, dtypes and sizes.
#include "signature.h"

#include "failure.h"

namespace edgeproof {
namespace {

namespace et = executorch::runtime;

using et::Tag;
using et::TensorShapeDynamism;

constexpr int kBool = 11;
constexpr int kInt64 = 4;
constexpr int kFloat64 = 7;

const char* name_of(Tag tag) {
  switch (tag) {
    case Tag::None:
      return "none";
    case Tag::Tensor:
      return "tensor";
    case Tag::String:
      return "string";
    case Tag::Double:
      return "double";
    case Tag::Int:
      return "int";
    case Tag::Bool:
      return "bool";
    default:
      return "list";
  }
}

const DType* dtype_of_number(Tag tag) {
  switch (tag) {
    case Tag::Int:
      return &dtype_of(kInt64);
    case Tag::Double:
      return &dtype_of(kFloat64);
    case Tag::Bool:
      return &dtype_of(kBool);
    default:
      return nullptr;
  }
}

ValueSpec number_spec(Tag tag) {
  ValueSpec spec;
  spec.tag = tag;
  spec.dtype = dtype_of_number(tag);
  spec.bytes = spec.dtype == nullptr ? 0 : spec.dtype->size;
  return spec;
}

ValueSpec tensor_spec(const et::TensorInfo& info, TensorShapeDynamism dynamism) {
  ValueSpec spec;
  spec.tag = Tag::Tensor;
  spec.scalar_type = info.scalar_type();
  spec.dtype = &dtype_of(static_cast<int>(spec.scalar_type));
  spec.shape.assign(info.sizes().begin(), info.sizes().end());
  spec.dim_order.assign(info.dim_order().begin(), info.dim_order().end());
  spec.dynamism = dynamism;
  spec.planned = info.is_memory_planned();
  spec.bytes = info.nbytes();
  return spec;
}

ValueSpec spec_of(const et::EValue& value, const et::Result<et::TensorInfo>& info, const std::string& what) {
  if (!value.isTensor()) {
    return number_spec(value.tag);
  }
  if (!info.ok()) {
    throw runtime_failure(what + " cannot be described", static_cast<std::uint32_t>(info.error()));
  }
  return tensor_spec(info.get(), value.toTensor().shape_dynamism());
}

// The runtime compares what it needs with what the program was exported with: the number of elements.
bool few_enough(const Shape& shape, const Shape& most) {
  std::int64_t elements = 1;
  std::int64_t allowed = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (__builtin_mul_overflow(elements, shape[axis], &elements)) {
      return false;
    }
    allowed *= most[axis];
  }
  return elements <= allowed;
}

bool no_larger(const Shape& shape, const Shape& most) {
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] > most[axis]) {
      return false;
    }
  }
  return true;
}

bool allows(const ValueSpec& spec, const Shape& shape) {
  if (shape.size() != spec.shape.size()) {
    return false;
  }
  switch (spec.dynamism) {
    case TensorShapeDynamism::STATIC:
      return shape == spec.shape;
    case TensorShapeDynamism::DYNAMIC_BOUND:
      return no_larger(shape, spec.shape);
    default:
      return few_enough(shape, spec.shape);
  }
}

}  // namespace

bool ValueSpec::in_c_order() const {
  for (std::size_t place = 0; place < dim_order.size(); ++place) {
    if (dim_order[place] != place) {
      return false;
    }
  }
  return true;
}

std::vector<ValueSpec> inputs_of(const et::Method& method) {
  std::vector<ValueSpec> specs;
  const et::MethodMeta meta = method.method_meta();
  for (std::size_t place = 0; place < method.inputs_size(); ++place) {
// The method's description does not tell whether a size is dynamic, the value does.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const et::EValue& value = method.get_input(place);
#pragma GCC diagnostic pop
    specs.push_back(spec_of(value, meta.input_tensor_meta(place), "input " + std::to_string(place)));
  }
  return specs;
}

std::vector<ValueSpec> outputs_of(const et::Method& method) {
  std::vector<ValueSpec> specs;
  const et::MethodMeta meta = method.method_meta();
  for (std::size_t place = 0; place < method.outputs_size(); ++place) {
    const et::EValue& value = method.get_output(place);
    specs.push_back(spec_of(value, meta.output_tensor_meta(place), "output " + std::to_string(place)));
  }
  return specs;
}

void refuse_what_no_record_holds(const std::vector<ValueSpec>& specs, const std::string& what) {
  for (std::size_t place = 0; place < specs.size(); ++place) {
    const ValueSpec& spec = specs[place];
    const std::string which = what + " " + std::to_string(place) + " is ";
    if (spec.dtype == nullptr) {
      throw Failure(which + "of the kind " + name_of(spec.tag) + ", and a .npy record holds tensors and numbers alone");
    }
    if (spec.dtype->descr[0] == '\0') {
      throw Failure(which + spec.dtype->name + ", a dtype that .npy records do not have");
    }
  }
}

void check_fits(const ValueSpec& spec, const DType& dtype, const Shape& shape, const std::string& what) {
  if (&dtype != spec.dtype) {
    throw Failure(what + " is " + dtype.name + ", and the program takes " + spec.dtype->name);
  }
  if (!allows(spec, shape)) {
    const bool fixed = spec.dynamism == TensorShapeDynamism::STATIC;
    throw Failure(
        what + " has the shape " + in_words(shape) + ", and the program takes " + (fixed ? "" : "at most ") +
        in_words(spec.shape));
  }
}

std::vector<JsonObject> described(const std::vector<ValueSpec>& specs) {
  std::vector<JsonObject> objects;
  for (const ValueSpec& spec : specs) {
    JsonObject object;
    object.text("dtype", spec.dtype == nullptr ? "none" : spec.dtype->name).numbers("shape", spec.shape);
    if (!spec.is_tensor()) {
      object.text("kind", name_of(spec.tag));
    }
    if (spec.dynamism != TensorShapeDynamism::STATIC) {
      object.truth("dynamic", true);
    }
    objects.push_back(object);
  }
  return objects;
}

}  // namespace edgeproof
