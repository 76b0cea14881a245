// The text that stands before the numbers of a .npy record.
#pragma once

#include <string>

#include "npy_stream.h"

namespace edgeproof {

// Reads the dictionary of a header; throws a Failure for what this program does not take.
NpyHeader parse_npy_header(const std::string& text);

// Everything that stands before an array's numbers, in format version 1.0.
std::string npy_header_of(const Array& array);

}  // namespace edgeproof
