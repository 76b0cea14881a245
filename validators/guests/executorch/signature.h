// What a method takes and gives: kinds, dtypes and sizes.
#pragma once

#include <executorch/runtime/core/tag.h>
#include <executorch/runtime/core/tensor_shape_dynamism.h>
#include <executorch/runtime/executor/method.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "array.h"
#include "json_line.h"

namespace edgeproof {

// One input or output. A number that is no tensor has the dtype of a 0-d array that can hold it.
struct ValueSpec {
  executorch::runtime::Tag tag = executorch::runtime::Tag::None;
  executorch::aten::ScalarType scalar_type = executorch::aten::ScalarType::Undefined;
  const DType* dtype = nullptr;
  Shape shape;  // the largest sizes if `dynamism` says that they may be smaller
  std::vector<std::uint8_t> dim_order;
  executorch::runtime::TensorShapeDynamism dynamism = executorch::runtime::TensorShapeDynamism::STATIC;
  bool planned = true;  // whether the program has memory for it
  std::size_t bytes = 0;

  bool is_tensor() const {
    return tag == executorch::runtime::Tag::Tensor;
  }
  // Whether its memory is in C order.
  bool in_c_order() const;
};

std::vector<ValueSpec> inputs_of(const executorch::runtime::Method& method);
std::vector<ValueSpec> outputs_of(const executorch::runtime::Method& method);

// Throws a Failure if one of the values cannot stand in a .npy record.
void refuse_what_no_record_holds(const std::vector<ValueSpec>& specs, const std::string& what);

// Throws a Failure if the program does not allow the shape or the dtype.
void check_fits(const ValueSpec& spec, const DType& dtype, const Shape& shape, const std::string& what);

std::vector<JsonObject> described(const std::vector<ValueSpec>& specs);

}  // namespace edgeproof
