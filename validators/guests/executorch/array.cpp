// An array of numbers in C order, and the dtypes that one can have.
#include "array.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>

namespace edgeproof {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kPadding = 256;

// The places are the runtime's numbers (and torch's).
constexpr DType kDTypes[] = {
    {"uint8", "|u1", 1},      {"int8", "|i1", 1},        {"int16", "<i2", 2},       {"int32", "<i4", 4},
    {"int64", "<i8", 8},      {"float16", "<f2", 2},     {"float32", "<f4", 4},     {"float64", "<f8", 8},
    {"complex32", "", 4},     {"complex64", "<c8", 8},   {"complex128", "<c16", 16}, {"bool", "|b1", 1},
    {"qint8", "", 1},         {"quint8", "", 1},         {"qint32", "", 4},         {"bfloat16", "", 2},
    {"quint4x2", "", 1},      {"quint2x4", "", 1},       {"bits1x8", "", 1},        {"bits2x4", "", 1},
    {"bits4x2", "", 1},       {"bits8", "", 1},          {"bits16", "", 2},         {"float8_e5m2", "", 1},
    {"float8_e4m3fn", "", 1}, {"float8_e5m2fnuz", "", 1}, {"float8_e4m3fnuz", "", 1}, {"uint16", "<u2", 2},
    {"uint32", "<u4", 4},     {"uint64", "<u8", 8},
};
constexpr DType kUnknown = {"unknown", "", 1};

// Calls `visit` with the offset in elements of every element, in C order.
template <typename Visit>
void for_each_offset(const Shape& shape, const Shape& strides, Visit visit) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    return;
  }
  Shape index(shape.size(), 0);
  std::int64_t offset = 0;
  for (;;) {
    visit(static_cast<std::size_t>(offset));
    std::size_t axis = shape.size();
    for (;; --axis) {
      if (axis == 0) {
        return;
      }
      offset += strides[axis - 1];
      if (++index[axis - 1] < shape[axis - 1]) {
        break;
      }
      offset -= strides[axis - 1] * shape[axis - 1];
      index[axis - 1] = 0;
    }
  }
}

}  // namespace

const DType& dtype_of(int scalar_type) {
  const bool known = scalar_type >= 0 && static_cast<std::size_t>(scalar_type) < std::size(kDTypes);
  return known ? kDTypes[scalar_type] : kUnknown;
}

const DType* dtype_of_descr(const std::string& descr) {
  for (const DType& dtype : kDTypes) {
    if (!descr.empty() && descr == dtype.descr) {
      return &dtype;
    }
  }
  return nullptr;
}

void Memory::Release::operator()(void* memory) const {
  std::free(memory);
}

void Memory::reserve(std::size_t bytes) {
  if (aligned_ != nullptr && bytes <= size_) {
    return;
  }
  if (bytes > SIZE_MAX - kPadding - kAlignment) {
    throw std::bad_alloc();
  }
  owned_.reset(std::calloc(bytes + kPadding + kAlignment, 1));
  if (owned_ == nullptr) {
    aligned_ = nullptr;
    throw std::bad_alloc();
  }
  const auto address = reinterpret_cast<std::uintptr_t>(owned_.get());
  aligned_ = reinterpret_cast<std::uint8_t*>((address + kAlignment - 1) / kAlignment * kAlignment);
  size_ = bytes;
}

std::size_t Array::elements() const {
  std::size_t count = 1;
  for (const std::int64_t size : shape) {
    count *= static_cast<std::size_t>(size);
  }
  return count;
}

std::size_t Array::bytes() const {
  return elements() * dtype->size;
}

std::string in_words(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + "]";
}

void copy_to_c_order(const Shape& shape, const Shape& strides, std::size_t size, const void* strided, void* packed) {
  const auto* from = static_cast<const std::uint8_t*>(strided);
  auto* to = static_cast<std::uint8_t*>(packed);
  for_each_offset(shape, strides, [&](std::size_t offset) {
    std::memcpy(to, from + offset * size, size);
    to += size;
  });
}

void copy_from_c_order(const Shape& shape, const Shape& strides, std::size_t size, const void* packed, void* strided) {
  const auto* from = static_cast<const std::uint8_t*>(packed);
  auto* to = static_cast<std::uint8_t*>(strided);
  for_each_offset(shape, strides, [&](std::size_t offset) {
    std::memcpy(to + offset * size, from, size);
    from += size;
  });
}

Shape strides_of(const Shape& shape, const std::vector<std::uint8_t>& dim_order) {
  Shape strides(shape.size(), 1);
  std::int64_t stride = 1;
  for (std::size_t place = dim_order.size(); place-- > 0;) {
    const std::size_t axis = dim_order[place];
    strides[axis] = stride;
    stride *= std::max<std::int64_t>(shape[axis], 1);
  }
  return strides;
}

}  // namespace edgeproof
