// The processor's instruction sets that decide which kernels the runtime takes.
#pragma once

#include <string>
#include <vector>

namespace edgeproof {

std::vector<std::string> cpu_features();

}  // namespace edgeproof
