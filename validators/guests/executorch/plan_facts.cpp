// What a program's file says of a method and the runtime's interface does not: its operators and delegate calls.
#include "plan_facts.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace edgeproof {
namespace {

// The schema's fields, by the place at which each table declares them.
constexpr int kExecutionPlan = 1;       // of Program
constexpr int kName = 0;                // of ExecutionPlan and Operator
constexpr int kChains = 5;              // of ExecutionPlan
constexpr int kOperators = 6;           // of ExecutionPlan
constexpr int kInstructions = 2;        // of Chain
constexpr int kInstructionKind = 0;     // of Instruction
constexpr int kOverload = 1;            // of Operator
constexpr std::uint8_t kDelegateCall = 2;  // a kind of Instruction

class Bytes {
 public:
  Bytes(const std::uint8_t* bytes, std::size_t length) : bytes_(bytes), length_(length) {}

  template <typename Number>
  Number at(std::size_t place) const {
    Number value;
    std::memcpy(&value, range(place, sizeof value), sizeof value);
    return value;
  }

  std::string text(std::size_t place, std::size_t length) const {
    return std::string(reinterpret_cast<const char*>(range(place, length)), length);
  }

 private:
  const std::uint8_t* range(std::size_t place, std::size_t length) const {
    if (place > length_ || length > length_ - place) {
      throw std::out_of_range("a place outside the file");
    }
    return bytes_ + place;
  }

  const std::uint8_t* bytes_;
  std::size_t length_;
};

// A table of a flatbuffer: it points back to a list that says where each of its fields lies.
class Table {
 public:
  Table(const Bytes& bytes, std::size_t place) : bytes_(bytes), place_(place) {}

  std::vector<Table> tables(int field) const {
    std::vector<Table> found;
    const std::size_t start = target(field);
    const std::size_t count = start == 0 ? 0 : bytes_.at<std::uint32_t>(start);
    for (std::size_t index = 0; index < count; ++index) {
      const std::size_t entry = start + 4 + 4 * index;
      found.emplace_back(bytes_, entry + bytes_.at<std::uint32_t>(entry));
    }
    return found;
  }

  std::string text(int field) const {
    const std::size_t start = target(field);
    return start == 0 ? std::string() : bytes_.text(start + 4, bytes_.at<std::uint32_t>(start));
  }

  std::uint8_t byte(int field) const {
    const std::size_t start = place_of(field);
    return start == 0 ? std::uint8_t{0} : bytes_.at<std::uint8_t>(start);
  }

 private:
  // Where a field lies; 0 if the table has not got it.
  std::size_t place_of(int field) const {
    const std::size_t list = place_ - static_cast<std::size_t>(bytes_.at<std::int32_t>(place_));
    const std::size_t entry = 4 + 2 * static_cast<std::size_t>(field);
    const std::size_t offset = entry < bytes_.at<std::uint16_t>(list) ? bytes_.at<std::uint16_t>(list + entry) : 0;
    return offset == 0 ? 0 : place_ + offset;
  }

  // Where what a field points to begins; 0 if the table has not got the field.
  std::size_t target(int field) const {
    const std::size_t start = place_of(field);
    return start == 0 ? 0 : start + bytes_.at<std::uint32_t>(start);
  }

  Bytes bytes_;
  std::size_t place_;
};

PlanFacts facts_in(const Table& plan) {
  PlanFacts facts;
  for (const Table& chain : plan.tables(kChains)) {
    for (const Table& instruction : chain.tables(kInstructions)) {
      facts.delegate_calls += instruction.byte(kInstructionKind) == kDelegateCall ? 1 : 0;
    }
  }
  for (const Table& kernel : plan.tables(kOperators)) {
    const std::string overload = kernel.text(kOverload);
    facts.operators.push_back(kernel.text(kName) + (overload.empty() ? "" : "." + overload));
  }
  std::sort(facts.operators.begin(), facts.operators.end());
  return facts;
}

}  // namespace

std::optional<PlanFacts> facts_of(const std::uint8_t* bytes, std::size_t length, const std::string& method) {
  try {
    const Bytes file(bytes, length);
    const Table program(file, file.at<std::uint32_t>(0));
    for (const Table& plan : program.tables(kExecutionPlan)) {
      if (plan.text(kName) == method) {
        return facts_in(plan);
      }
    }
  } catch (const std::out_of_range&) {
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace edgeproof
