// Turns a signal that would end the process without a word into an error line.
#pragma once

namespace edgeproof {

// From here on a crash prints an error line that names the signal, and the process ends with exit code 1.
void report_crashes();

}  // namespace edgeproof
