// The text that stands before the numbers of a .npy record.
#include "npy_header.h"

#include <charconv>
#include <system_error>

#include "failure.h"

namespace edgeproof {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie in the records");

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kBeforeText = 10;

// The dictionary's value for a key, as it is written there from its first character on.
std::string value_of(const std::string& text, const char* key) {
  const std::string quoted = std::string("'") + key + "':";
  const std::size_t place = text.find(quoted);
  const std::size_t start = place == std::string::npos ? place : text.find_first_not_of(' ', place + quoted.size());
  if (start == std::string::npos) {
    throw Failure(std::string("a .npy header without ") + key + ": " + text.substr(0, 200));
  }
  return text.substr(start);
}

const DType& dtype_in(const std::string& text) {
  const std::string value = value_of(text, "descr");
  const std::size_t end = value[0] == '\'' ? value.find('\'', 1) : std::string::npos;
  if (end == std::string::npos) {
    throw Failure("records of plain numbers are taken, and this one has the dtype " + value.substr(0, 100));
  }
  const std::string descr = value.substr(1, end - 1);
  if (descr.rfind('>', 0) == 0) {
    throw Failure("records are taken in little-endian byte order, and this one is big-endian (" + descr + ")");
  }
  const DType* dtype = dtype_of_descr(descr);
  if (dtype == nullptr) {
    throw Failure("no program has inputs of the dtype that this record says: " + descr);
  }
  return *dtype;
}

void refuse_fortran_order(const std::string& text) {
  const std::string value = value_of(text, "fortran_order");
  if (value.rfind("False", 0) != 0) {
    throw Failure("records are taken in C order, and this one is in Fortran order");
  }
}

Shape shape_in(const std::string& text) {
  const std::string value = value_of(text, "shape");
  const std::size_t end = value.find(')');
  if (value[0] != '(' || end == std::string::npos) {
    throw Failure("a .npy header without a shape in parentheses: " + value.substr(0, 100));
  }
  Shape shape;
  const char* place = value.data() + 1;
  const char* const last = value.data() + end;
  while (place < last) {
    if (*place == ' ' || *place == ',') {
      ++place;
      continue;
    }
    std::int64_t size = 0;
    const auto [next, error] = std::from_chars(place, last, size);
    if (error != std::errc() || size < 0) {
      throw Failure("a .npy header whose shape cannot be read: " + value.substr(0, end + 1));
    }
    shape.push_back(size);
    place = next;
  }
  return shape;
}

std::string tuple_of(const Shape& shape) {
  std::string text = "(";
  for (const std::int64_t size : shape) {
    text += std::to_string(size) + ", ";
  }
  if (shape.size() > 1) {
    text.resize(text.size() - 2);
  } else if (shape.size() == 1) {
    text.resize(text.size() - 1);
  }
  return text + ")";
}

}  // namespace

NpyHeader parse_npy_header(const std::string& text) {
  const DType& dtype = dtype_in(text);
  refuse_fortran_order(text);
  return {&dtype, shape_in(text)};
}

std::string npy_header_of(const Array& array) {
  std::string text = std::string("{'descr': '") + array.dtype->descr + "', 'fortran_order': False, 'shape': " +
      tuple_of(array.shape) + ", }";
  const std::size_t length = (kBeforeText + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  text.append(length - kBeforeText - text.size() - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xFFU);
  header += static_cast<char>(text.size() >> 8U & 0xFFU);
  return header + text;
}

}  // namespace edgeproof
