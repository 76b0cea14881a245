// The processor's instruction sets that decide which kernels the runtime takes.
#include "cpu_features.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace edgeproof {

#if defined(__aarch64__) && defined(__linux__)

namespace {

// The kernel's numbers, which never change; the system's header may be older than the processor.
struct Feature {
  const char* name;
  unsigned long word;
  int bit;
};

constexpr Feature kFeatures[] = {
    {"asimd", AT_HWCAP, 1},
    {"asimdhp", AT_HWCAP, 10},
    {"asimddp", AT_HWCAP, 20},
    {"sve", AT_HWCAP, 22},
    {"sve2", AT_HWCAP2, 1},
    {"i8mm", AT_HWCAP2, 13},
    {"bf16", AT_HWCAP2, 14},
    {"sme", AT_HWCAP2, 23},
};

}  // namespace

std::vector<std::string> cpu_features() {
  std::vector<std::string> names;
  for (const Feature& feature : kFeatures) {
    if (((::getauxval(feature.word) >> feature.bit) & 1UL) != 0) {
      names.emplace_back(feature.name);
    }
  }
  return names;
}

#elif defined(__x86_64__) || defined(__i386__)

std::vector<std::string> cpu_features() {
  std::vector<std::string> names;
  __builtin_cpu_init();
// The compiler asks for a literal, so a loop over names is not possible.
#define EDGEPROOF_ADD_IF_SUPPORTED(feature) \
  if (__builtin_cpu_supports(feature)) {    \
    names.emplace_back(feature);            \
  }
  EDGEPROOF_ADD_IF_SUPPORTED("sse4.1")
  EDGEPROOF_ADD_IF_SUPPORTED("sse4.2")
  EDGEPROOF_ADD_IF_SUPPORTED("avx")
  EDGEPROOF_ADD_IF_SUPPORTED("f16c")
  EDGEPROOF_ADD_IF_SUPPORTED("fma")
  EDGEPROOF_ADD_IF_SUPPORTED("avx2")
  EDGEPROOF_ADD_IF_SUPPORTED("avxvnni")
  EDGEPROOF_ADD_IF_SUPPORTED("avx512f")
  EDGEPROOF_ADD_IF_SUPPORTED("avx512bw")
  EDGEPROOF_ADD_IF_SUPPORTED("avx512vl")
  EDGEPROOF_ADD_IF_SUPPORTED("avx512vnni")
  EDGEPROOF_ADD_IF_SUPPORTED("avx512bf16")
  EDGEPROOF_ADD_IF_SUPPORTED("avx512fp16")
  EDGEPROOF_ADD_IF_SUPPORTED("amx-int8")
#undef EDGEPROOF_ADD_IF_SUPPORTED
  return names;
}

#else

std::vector<std::string> cpu_features() {
  return {};
}

#endif

}  // namespace edgeproof
