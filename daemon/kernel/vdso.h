// The vDSO as a file: a copy of the one the kernel mapped into this process, which is the one of
// every 64-bit process of the machine.
#pragma once

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// A sealed memory file with the image, to be handed to the worker as any other file. Offset 0 of
// the file is the start of the [vdso] mapping. Any thread.
Result<Fd> vdso_image();

// Stands for the image where files have ids; no executable has it.
inline constexpr uint64_t kVdsoFileId = 0;

} // namespace pprofd
