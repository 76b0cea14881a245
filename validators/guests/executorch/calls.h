// The loop over the calls: records in, one execution, records out.
#pragma once

#include <cstdint>

#include "arguments.h"
#include "loaded_method.h"

namespace edgeproof {

// Throws a Failure if a link names what the method has not got, or joins different dtypes.
void check_state(const Arguments& arguments, const LoadedMethod& method);

// Runs every call of the inputs' stream, or as many as are asked for; how many that were.
std::int64_t run_calls(LoadedMethod& method, const Arguments& arguments);

}  // namespace edgeproof
