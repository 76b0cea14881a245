// JSON objects built piece by piece, each printed as one line.
#include "json_line.h"

#include <cstdio>
#include <cstdlib>

namespace edgeproof {
namespace {

constexpr const char* kReplacement = "\\ufffd";

unsigned byte_at(std::string_view text, std::size_t place) {
  return place < text.size() ? static_cast<unsigned char>(text[place]) : 0U;
}

// How many bytes the UTF-8 character that starts with this byte has; 0 if none does.
std::size_t length_after(unsigned first) {
  if (first < 0x80) {
    return 1;
  }
  if (first < 0xC2 || first > 0xF4) {
    return 0;
  }
  return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

// How many bytes the UTF-8 character at `place` has; 0 if what stands there is none.
std::size_t utf8_length(std::string_view text, std::size_t place) {
  const unsigned first = byte_at(text, place);
  const std::size_t length = length_after(first);
  for (std::size_t next = 1; next < length; ++next) {
    if ((byte_at(text, place + next) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const unsigned second = byte_at(text, place + 1);
  const bool too_long = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool no_character = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return too_long || no_character ? 0 : length;
}

std::string escaped(unsigned character) {
  switch (character) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    default:
      break;
  }
  char text[8];
  std::snprintf(text, sizeof text, "\\u%04x", character);
  return text;
}

// A damaged file can bring any bytes into a message; the line must stay JSON.
std::string quoted(std::string_view text) {
  std::string json = "\"";
  for (std::size_t place = 0; place < text.size();) {
    const std::size_t length = utf8_length(text, place);
    const unsigned first = byte_at(text, place);
    if (length == 0) {
      json += kReplacement;
    } else if (length == 1 && (first < 0x20 || first == '"' || first == '\\' || first == 0x7F)) {
      json += escaped(first);
    } else {
      json += text.substr(place, length);
    }
    place += length == 0 ? 1 : length;
  }
  return json + "\"";
}

template <typename Values, typename Render>
std::string array_of(const Values& values, Render render) {
  std::string json = "[";
  for (const auto& value : values) {
    json += (json.size() > 1 ? ", " : "") + render(value);
  }
  return json + "]";
}

}  // namespace

JsonObject& JsonObject::add(std::string_view key, const std::string& json) {
  members_ += (members_.empty() ? "" : ", ") + quoted(key) + ": " + json;
  return *this;
}

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  return add(key, quoted(value));
}

JsonObject& JsonObject::number(std::string_view key, std::int64_t value) {
  return add(key, std::to_string(value));
}

JsonObject& JsonObject::decimal(std::string_view key, double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6f", value);
  return add(key, text);
}

JsonObject& JsonObject::truth(std::string_view key, bool value) {
  return add(key, value ? "true" : "false");
}

JsonObject& JsonObject::texts(std::string_view key, const std::vector<std::string>& values) {
  return add(key, array_of(values, [](const std::string& value) { return quoted(value); }));
}

JsonObject& JsonObject::numbers(std::string_view key, const std::vector<std::int64_t>& values) {
  return add(key, array_of(values, [](std::int64_t value) { return std::to_string(value); }));
}

JsonObject& JsonObject::object(std::string_view key, const JsonObject& value) {
  return add(key, value.str());
}

JsonObject& JsonObject::objects(std::string_view key, const std::vector<JsonObject>& values) {
  return add(key, array_of(values, [](const JsonObject& value) { return value.str(); }));
}

std::string JsonObject::str() const {
  return "{" + members_ + "}";
}

void print_line(const JsonObject& object) {
  const std::string line = object.str() + "\n";
  const bool written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fflush(stdout) == 0;
  if (!written) {
    std::_Exit(1);  // nobody listens any more, so there is no one to tell
  }
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    text += (text.empty() ? "" : ", ") + value;
  }
  return text;
}

}  // namespace edgeproof
