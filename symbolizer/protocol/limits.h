// What fits into the protocol between the daemon and its worker; both sides hold the other to it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pprofd::symbolizer {

inline constexpr uint32_t kProtocolVersion = 1;
// One packet. Below the kernel's usual limit of a socket's send buffer (212,992 bytes), above two
// names of kMaxText.
inline constexpr size_t kMaxPacket = 192 << 10;
inline constexpr size_t kListRoom = kMaxPacket - (4 << 10); // of a packet, for its lists
inline constexpr size_t kMaxDescriptors = 5;                // of one packet
inline constexpr size_t kMaxOffsets = 20'480;               // of one request
inline constexpr size_t kMaxText = 64 << 10;                // one name
inline constexpr size_t kMaxPath = 4096;                    // of a file that is asked for
inline constexpr size_t kMaxFailure = 1024;                 // a reason, in bytes
inline constexpr size_t kMaxInlineFrames = 256;             // of one address
inline constexpr size_t kFrameNumbers = 6;                  // that a reply has of each, …
inline constexpr size_t kFrameTexts = 3;                    // … the first of which stand for texts
inline constexpr size_t kMaxBuildId = 64;                   // bytes
inline constexpr size_t kMaxKey = 208;                      // of an index, bytes
inline constexpr size_t kMaxSandboxParts = 32;
inline constexpr size_t kMaxUnwindRows = 8'000'000; // of one file
// Of one file, all of them different. Compilers make some hundreds; the kernel has room for 65,535
// of all files together, and no one file may take it.
inline constexpr size_t kMaxUnwindRules = 8'192;
inline constexpr size_t kMaxCodeSegments = 256; // executable PT_LOADs of one file
inline constexpr size_t kMaxGoFunctions = 256;
inline constexpr size_t kMaxNotes = 32;
inline constexpr size_t kMaxSymbols = 8'000'000; // of one list
inline constexpr size_t kMaxSymbolSources = 16;

} // namespace pprofd::symbolizer
