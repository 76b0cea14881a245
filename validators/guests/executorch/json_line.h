// JSON objects built piece by piece, each printed as one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edgeproof {

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& number(std::string_view key, std::int64_t value);
  JsonObject& decimal(std::string_view key, double value);
  JsonObject& truth(std::string_view key, bool value);
  JsonObject& texts(std::string_view key, const std::vector<std::string>& values);
  JsonObject& numbers(std::string_view key, const std::vector<std::int64_t>& values);
  JsonObject& object(std::string_view key, const JsonObject& value);
  JsonObject& objects(std::string_view key, const std::vector<JsonObject>& values);

  std::string str() const;

 private:
  JsonObject& add(std::string_view key, const std::string& json);

  std::string members_;
};

// Prints the object to standard output and flushes it, so that a reader on a pipe sees it at once.
void print_line(const JsonObject& object);

// The values with commas between them.
std::string joined(const std::vector<std::string>& values);

}  // namespace edgeproof
