// The runtime's own log messages, kept for the error that they explain instead of written to standard error.
#pragma once

#include <string>
#include <vector>

namespace edgeproof {

// Takes over the runtime's messages and its way of aborting the process; to be called before anything else.
void catch_runtime_messages();

// Forgets what was logged: what comes next is a new attempt.
void forget_messages();

// The last error messages, oldest first, in one text; empty if there are none.
std::string logged();

// The operators that the runtime missed when it loaded a method.
std::vector<std::string> missing_operators();

}  // namespace edgeproof
