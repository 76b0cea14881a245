// What the command line asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace edgeproof {

// From one call to the next, what an output gave becomes an input.
struct StateLink {
  std::size_t output;
  std::size_t input;
};

struct Arguments {
  std::string model;
  std::string inputs;
  std::string outputs;
  std::string method = "forward";
  std::optional<double> seconds;
  std::int64_t least = 1;
  std::uint32_t threads = 1;
  std::int64_t state_start = 0;
  std::vector<StateLink> state;
  bool inspect = false;
};

// Throws a Failure that says what is wrong.
Arguments parse_arguments(const std::vector<std::string>& words);

}  // namespace edgeproof
