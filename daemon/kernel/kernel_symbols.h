// Names of kernel addresses, from /proc/kallsyms (the kernel is trusted, so the daemon reads it).
// The file is read as a stream, once per batch; nothing of it is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/base/address.h"

namespace pprofd {

struct KernelSymbol {
  std::string name;
  ProcessAddress start;
  ProcessAddress end; // where the next symbol starts: all from `start` on has this name
  std::string module; // "nf_tables", "bpf", "__builtin__ftrace"; empty: the kernel itself
};

// The kernel's text, [start, end).
struct KernelText {
  ProcessAddress start;
  ProcessAddress end;
};

struct KernelResolution {
  std::vector<std::optional<KernelSymbol>> symbols; // one per address, in the order asked
  std::optional<KernelText> text;                   // from _stext to _etext
  std::string failure; // why no name could be found at all; empty when the file was readable
  std::string hint;    // what the user can do about the failure; may be empty
};

// Where to read; replaced by tests.
struct KernelSymbolPaths {
  std::string kallsyms = "/proc/kallsyms";
  std::string kptr_restrict = "/proc/sys/kernel/kptr_restrict";
};

// Resolves a batch of kernel addresses. An address behind the last symbol, in data, or before the
// first symbol stays unresolved. Among names of one address a global one wins over a weak one over
// a local one, then the shortest, then the first in byte order; section markers and the padding
// symbols of -fpatchable-function-entry (__pfx_) and early aliases (__pi_) only where there is no
// other. Any thread.
KernelResolution resolve_kernel_symbols(std::span<const ProcessAddress> addresses,
                                        const KernelSymbolPaths& paths = {});

} // namespace pprofd
