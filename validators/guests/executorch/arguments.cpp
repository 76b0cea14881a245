// What the command line asks for.
#include "arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <system_error>

#include "failure.h"

namespace edgeproof {
namespace {

constexpr const char* kUsage =
    "usage: edgeproof-executorch-runner MODEL INPUTS OUTPUTS [--method NAME] [--seconds S] [--least N] [--threads T] "
    "[--state START OUT=IN,OUT=IN] [--inspect]";
constexpr std::int64_t kMostThreads = 1024;

Failure wrong(const std::string& what) {
  return Failure(what + "; " + kUsage);
}

// The words one after the other; an option takes those that follow it.
class Words {
 public:
  explicit Words(const std::vector<std::string>& words) : words_(words) {}

  bool left() const {
    return place_ < words_.size();
  }

  const std::string& next() {
    return words_[place_++];
  }

  const std::string& value_of(const std::string& option) {
    if (!left()) {
      throw wrong("a value is missing after " + option);
    }
    return next();
  }

 private:
  const std::vector<std::string>& words_;
  std::size_t place_ = 0;
};

std::int64_t whole_number(const std::string& option, const std::string& text, std::int64_t lowest) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < lowest) {
    throw wrong(option + " takes a whole number from " + std::to_string(lowest) + ", and got '" + text + "'");
  }
  return value;
}

double seconds_of(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value) || value < 0) {
    throw wrong("--seconds takes a number from 0, and got '" + text + "'");
  }
  return value;
}

std::uint32_t threads_of(const std::string& text) {
  const std::int64_t threads = whole_number("--threads", text, 1);
  if (threads > kMostThreads) {
    throw wrong("--threads takes at most " + std::to_string(kMostThreads) + ", and got '" + text + "'");
  }
  return static_cast<std::uint32_t>(threads);
}

StateLink link_of(const std::string& pair) {
  const std::size_t equals = pair.find('=');
  if (equals == std::string::npos) {
    throw wrong("--state takes pairs OUT=IN of positions, and got '" + pair + "'");
  }
  const std::int64_t output = whole_number("--state", pair.substr(0, equals), 0);
  const std::int64_t input = whole_number("--state", pair.substr(equals + 1), 0);
  return {static_cast<std::size_t>(output), static_cast<std::size_t>(input)};
}

std::vector<StateLink> links_of(const std::string& text) {
  std::vector<StateLink> links;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    links.push_back(link_of(text.substr(start, comma - start)));
    for (std::size_t earlier = 0; earlier + 1 < links.size(); ++earlier) {
      if (links[earlier].input == links.back().input) {
        throw wrong("--state names the input " + std::to_string(links.back().input) + " twice");
      }
    }
    start = comma + 1;
  }
  return links;
}

void take_option(const std::string& option, Words& words, Arguments& arguments) {
  if (option == "--inspect") {
    arguments.inspect = true;
  } else if (option == "--method") {
    arguments.method = words.value_of(option);
  } else if (option == "--seconds") {
    arguments.seconds = seconds_of(words.value_of(option));
  } else if (option == "--least") {
    arguments.least = whole_number(option, words.value_of(option), 0);
  } else if (option == "--threads") {
    arguments.threads = threads_of(words.value_of(option));
  } else if (option == "--state") {
    arguments.state_start = whole_number(option, words.value_of(option), 0);
    arguments.state = links_of(words.value_of(option));
  } else {
    throw wrong("there is no option " + option);
  }
}

}  // namespace

Arguments parse_arguments(const std::vector<std::string>& given) {
  Arguments arguments;
  std::vector<std::string> places;
  for (Words words(given); words.left();) {
    const std::string& word = words.next();
    if (word.rfind("--", 0) == 0) {
      take_option(word, words, arguments);
    } else {
      places.push_back(word);
    }
  }
  const bool enough = places.size() == 3 || (arguments.inspect && places.size() == 1);
  if (!enough) {
    throw wrong("MODEL, INPUTS and OUTPUTS are needed (MODEL alone with --inspect), and got " +
                std::to_string(places.size()) + " of them");
  }
  arguments.model = places[0];
  if (places.size() == 3) {
    arguments.inputs = places[1];
    arguments.outputs = places[2];
  }
  return arguments;
}

}  // namespace edgeproof
