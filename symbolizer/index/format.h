// The index of one executable: for every address of its code the chain of functions and lines that
// the symbol tables and the debug information have, in a file that is mapped and looked into.
//
//   header
//   sums      a CRC-32 of each page of what follows, 32 bits each
//   blocks    where the code of each block begins, and its pieces; by address
//   pieces    blocks of pieces: what changes from one address to the next
//   nodes     functions, each with the one that it is inlined into
//   names     system names with the lines of their functions' starts
//   files     where the paths of source files are, 32 bits each
//   texts     names and paths, each behind its length
//
// Numbers are little-endian, those called varint LEB128. Addresses are relative to the header's
// base. A reference to a node or a name is its place in its section plus 1, to a file its number
// plus 1; 0: none.
//
// A block begins with a varint, the number of its pieces. A piece is a varint, of which the low
// four bits tell what follows and the rest how far its address is from the piece before it (from
// the block's); then, as differences, signed: the node, the file, the line, and the column as it
// is. What does not follow is as before; a block begins with all of them 0. A piece reaches to the
// next one, the last to the next block.
//
// A node is: varint, how far before it the node is that it is inlined into (0: into none); varint,
// its name; then, of one that is inlined, three varints: file, line and column of the call, of
// another one varint: where its function starts, less the base, plus 1 (0: unknown).
// A name is: varint, the line; varint, the place of its text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pprofd::symbolizer {

inline constexpr std::array<char, 8> kIndexMagic = {'p', 'p', 'r', 'o', 'f', 'd', '\x1a', 'I'};
// Counts up when the format changes, or the answers to the same input.
inline constexpr uint32_t kIndexVersion = 2;
inline constexpr size_t kMaxIndexKey = 208;
inline constexpr size_t kIndexPage = 16 << 10; // of one sum

struct IndexSection {
  uint64_t offset = 0; // in the file
  uint64_t size = 0;
};

enum class IndexPart : uint8_t { kBlocks, kPieces, kNodes, kNames, kFiles, kTexts };
inline constexpr size_t kIndexParts = 6;

struct IndexHeader {
  std::array<char, 8> magic{};
  uint32_t version = 0;
  uint32_t sum = 0; // CRC-32 of this header, with 0 here, and of all other sums
  uint64_t file_size = 0;
  uint64_t base = 0;
  uint64_t data = 0; // where the first part begins; the sums are of pages from here on
  std::array<IndexSection, kIndexParts> parts{};
  uint16_t key_size = 0;
  std::array<char, kMaxIndexKey> key{}; // what it is the index of
  std::array<char, 6> padding{};
};
static_assert(sizeof(IndexHeader) == 352);

// An entry of kBlocks.
struct IndexBlock {
  uint32_t start = 0;
  uint32_t pieces = 0; // where they are
};
static_assert(sizeof(IndexBlock) == 8);

// Bits of a piece.
inline constexpr uint64_t kNodeFollows = 1;
inline constexpr uint64_t kFileFollows = 2;
inline constexpr uint64_t kLineFollows = 4;
inline constexpr uint64_t kColumnFollows = 8;
inline constexpr unsigned kPieceBits = 4;

// What a block, a node and a name take at most, in bytes. Readers look no further.
inline constexpr size_t kMaxBlockBytes = 512;
inline constexpr size_t kMaxNodeBytes = 40;
inline constexpr size_t kMaxNameBytes = 20;
// Longer texts are cut: one more than is shown, so that a cut one is seen to be.
inline constexpr size_t kMaxIndexText = (64 << 10) + 1;

} // namespace pprofd::symbolizer
