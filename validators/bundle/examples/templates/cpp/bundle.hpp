// Reads a bundle's golden files, turns real numbers into an artifact's integers and back, names labels, and tests itself.
// C++17 and its standard library; every example in this folder includes it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace edgeproof {

// Ends what was tried with a sentence; where exceptions are switched off, it ends the program.
[[noreturn]] inline void fail(const std::string& sentence) {
#ifdef __cpp_exceptions
  throw std::runtime_error(sentence);
#else
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(1);
#endif
}

// Calls `run` and prints what failed; the exit code.
inline int guarded(const std::function<int()>& run) {
#ifdef __cpp_exceptions
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
#else
  return run();
#endif
}

enum class Type { float16, float32, float64, int8, uint8, int16, uint16, int32, uint32, int64, uint64, boolean };

// A tensor's values in C order, in this machine's byte order, which has to be little-endian as the golden files are.
struct Tensor {
  Type type;
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;
};

// An input or output of an artifact. Where `scale` is not 0, its integers stand for (q - zero_point) * scale.
struct Port {
  std::string name;
  Type type;
  double scale;
  int zero_point;
};

// A tensor in a file. `tolerance` is how far an output may be from it.
struct Stored {
  std::string file;
  Type type;
  std::vector<std::int64_t> shape;
  double tolerance;
};

// What an artifact was given for one sample, and what it answered, in the order of its inputs and outputs.
struct Call {
  int sample;
  std::vector<Stored> inputs;
  std::vector<Stored> outputs;
};

// A sample before preprocessing: pixels (height, width, 3) of 8 bits, or samples of 16 bits.
struct Original {
  int sample;
  std::string file;
  std::vector<std::int64_t> shape;
};

using Tensors = std::vector<Tensor>;
using Inference = std::function<Tensors(const Tensors&)>;
using Preprocessed = std::function<std::vector<float>(const std::string& root, const Original&)>;

inline std::vector<std::uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path + " cannot be opened: name the unpacked bundle's folder");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The numbers of a raw file, such as the pixels of an image or the samples of a sound.
template <typename Number>
std::vector<Number> numbers_in(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  std::vector<Number> numbers(bytes.size() / sizeof(Number));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(Number));
  return numbers;
}

inline std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(path + " cannot be opened: name the unpacked bundle's folder");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

inline std::size_t size_of(Type type) {
  switch (type) {
    case Type::int8: case Type::uint8: case Type::boolean: return 1;
    case Type::float16: case Type::int16: case Type::uint16: return 2;
    case Type::float32: case Type::int32: case Type::uint32: return 4;
    default: return 8;
  }
}

inline std::size_t count_of(const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  return count;
}

inline Tensor load(const std::string& root, const Stored& stored) {
  Tensor tensor{stored.type, stored.shape, read_file(root + "/" + stored.file)};
  if (tensor.bytes.size() != count_of(stored.shape) * size_of(stored.type))
    fail(stored.file + " does not have the size of its tensor");
  return tensor;
}

inline Tensor tensor_of(const std::vector<float>& values, std::vector<std::int64_t> shape) {
  if (values.size() != count_of(shape)) fail("preprocessing gave another number of values");
  Tensor tensor{Type::float32, std::move(shape), std::vector<std::uint8_t>(values.size() * sizeof(float))};
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

inline double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const double size = exponent == 31  ? (fraction ? std::numeric_limits<double>::quiet_NaN() : HUGE_VAL)
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(fraction + 1024, exponent - 25);
  return bits >> 15 ? -size : size;
}

template <typename Number>
Number number_at(const Tensor& tensor, std::size_t place) {
  Number number;
  std::memcpy(&number, tensor.bytes.data() + place * sizeof(Number), sizeof(Number));
  return number;
}

// Element `place` in C order, whatever the type.
inline double value_at(const Tensor& tensor, std::size_t place) {
  switch (tensor.type) {
    case Type::float16: return from_half(number_at<std::uint16_t>(tensor, place));
    case Type::float32: return number_at<float>(tensor, place);
    case Type::float64: return number_at<double>(tensor, place);
    case Type::int8: return number_at<std::int8_t>(tensor, place);
    case Type::int16: return number_at<std::int16_t>(tensor, place);
    case Type::uint16: return number_at<std::uint16_t>(tensor, place);
    case Type::int32: return number_at<std::int32_t>(tensor, place);
    case Type::uint32: return number_at<std::uint32_t>(tensor, place);
    case Type::int64: return static_cast<double>(number_at<std::int64_t>(tensor, place));
    case Type::uint64: return static_cast<double>(number_at<std::uint64_t>(tensor, place));
    default: return tensor.bytes[place];
  }
}

template <typename Integer>
void quantize_into(Tensor& integers, const Tensor& real, const Port& port) {
  for (std::size_t place = 0; place < count_of(real.shape); ++place) {
    // std::rint rounds halves to even, as every runtime's own quantising does.
    const double wanted = std::rint(number_at<float>(real, place) / static_cast<float>(port.scale)) + port.zero_point;
    const double lowest = std::numeric_limits<Integer>::min(), highest = std::numeric_limits<Integer>::max();
    const auto integer = static_cast<Integer>(std::min(std::max(wanted, lowest), highest));
    std::memcpy(integers.bytes.data() + place * sizeof(Integer), &integer, sizeof(Integer));
  }
}

// What an input takes for real numbers: q = round(real / scale) + zero_point, clamped; unchanged where it takes those.
inline Tensor quantize(const Tensor& real, const Port& port) {
  if (port.scale == 0) return real;
  Tensor integers{port.type, real.shape, std::vector<std::uint8_t>(count_of(real.shape) * size_of(port.type))};
  switch (port.type) {
    case Type::int8: quantize_into<std::int8_t>(integers, real, port); break;
    case Type::uint8: quantize_into<std::uint8_t>(integers, real, port); break;
    case Type::int16: quantize_into<std::int16_t>(integers, real, port); break;
    case Type::int32: quantize_into<std::int32_t>(integers, real, port); break;
    default: fail(port.name + " has a type that is not quantised");
  }
  return integers;
}

// What an output says in real numbers: (q - zero_point) * scale.
inline Tensor dequantize(const Tensor& integers, const Port& port) {
  if (port.scale == 0) return integers;
  std::vector<float> real(count_of(integers.shape));
  for (std::size_t place = 0; place < real.size(); ++place)
    real[place] = static_cast<float>(value_at(integers, place) - port.zero_point) * static_cast<float>(port.scale);
  return tensor_of(real, integers.shape);
}

// The label of the largest element of the last axis and that element; one element alone is the second label's
// probability, and the score is that of the label which is named.
inline std::pair<std::string, double> label_of(const Tensor& output, const std::vector<std::string>& labels) {
  const auto classes = static_cast<std::size_t>(output.shape.back());
  const double first = value_at(output, 0);
  if (classes == 1) return {labels.at(first >= 0.5 ? 1 : 0), first >= 0.5 ? first : 1 - first};
  std::size_t best = 0;
  for (std::size_t place = 1; place < classes; ++place)
    if (value_at(output, place) > value_at(output, best)) best = place;
  return {labels.at(best), value_at(output, best)};
}

// The first values of an output of a model without labels.
inline std::string values_of(const Tensor& output) {
  std::string text;
  for (std::size_t place = 0; place < std::min<std::size_t>(count_of(output.shape), 8); ++place)
    text += " " + std::to_string(value_at(output, place));
  return text;
}

inline const Original* original_of(int sample, const std::vector<Original>& originals) {
  for (const Original& original : originals)
    if (original.sample == sample) return &original;
  return nullptr;
}

// How an output differs from what is stored; nothing if it does not.
inline std::string difference(const Tensor& got, const Tensor& expected, double tolerance) {
  if (got.shape != expected.shape || got.type != expected.type) return "has another shape or type";
  for (std::size_t place = 0; place < count_of(got.shape); ++place) {
    const double value = value_at(got, place), wanted = value_at(expected, place);
    if (!(std::abs(value - wanted) <= tolerance))
      return "element " + std::to_string(place) + " is " + std::to_string(value) + ", expected " +
             std::to_string(wanted) + " within " + std::to_string(tolerance);
  }
  return "";
}

// Replays every golden call; prints each difference and returns 1 if there is one, 0 if all is as it was.
inline int self_test(const std::string& root, const std::vector<Call>& calls, const std::vector<Port>& outputs,
                     const Inference& infer) {
  int differences = 0;
  for (const Call& call : calls) {
    Tensors given;
    for (const Stored& stored : call.inputs) given.push_back(load(root, stored));
    const Tensors answers = infer(given);
    for (std::size_t place = 0; place < call.outputs.size(); ++place) {
      const Stored& stored = call.outputs[place];
      const std::string found = difference(answers.at(place), load(root, stored), stored.tolerance);
      if (found.empty()) continue;
      ++differences;
      std::printf("sample %d: output %s %s\n", call.sample, outputs[place].name.c_str(), found.c_str());
    }
  }
  std::printf("%zu calls replayed, %d outputs differ\n", calls.size(), differences);
  return differences ? 1 : 0;
}

// Preprocesses every original and compares with input `input` of its call, bit by bit; 1 if one differs.
inline int preprocessing_test(const std::string& root, const std::vector<Call>& calls, std::size_t input,
                              const std::vector<Original>& originals, const Preprocessed& preprocessed) {
  int differences = 0;
  for (const Call& call : calls) {
    const Original* original = original_of(call.sample, originals);
    if (original == nullptr) continue;
    const Tensor stored = load(root, call.inputs.at(input));
    if (tensor_of(preprocessed(root, *original), stored.shape).bytes == stored.bytes) continue;
    ++differences;
    std::printf("sample %d: preprocessing gives other bits than %s\n", call.sample, call.inputs[input].file.c_str());
  }
  std::printf("%zu originals preprocessed, %d differ\n", originals.size(), differences);
  return differences ? 1 : 0;
}

}  // namespace edgeproof
