// What a program's file says of a method and the runtime's interface does not: its operators and delegate calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace edgeproof {

struct PlanFacts {
  std::int64_t delegate_calls = 0;
  std::vector<std::string> operators;
};

// Reads the program's flatbuffer (schema/program.fbs in the executorch package); nothing if it cannot be followed.
std::optional<PlanFacts> facts_of(const std::uint8_t* bytes, std::size_t length, const std::string& method);

}  // namespace edgeproof
