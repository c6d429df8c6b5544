// Profiles in pprof's format: built, checked, written, read and merged.
//
// A profile that every reader accepts (pprof, parca, pyroscope, speedscope) keeps these rules;
// ProfileBuilder cannot break them, check_valid names the first one broken:
// - string_table[0] is ""; every string is valid UTF-8; every index is inside the table;
// - mappings, locations and functions carry the ids 1..N in table order; every reference is to an
//   entry that exists; every location has a mapping and lies inside it;
// - the first mapping is the main executable; has_functions is set on every mapping (on none of a
//   raw profile), has_filenames, has_line_numbers and has_inline_frames where it is so;
// - a sample has one value for each sample type, its frames leaf first; a location's first line is
//   the innermost inlined function, the last one the physical function;
// - types of values have no '-' or '.' in their names; period type, period, time, duration and
//   default sample type are always there; drop_frames and keep_frames are empty;
// - a label has text, or a number with a unit; one value a key; "pprof::" is pprof's own prefix.
//
// Sources: github.com/google/pprof, proto/profile.proto, profile.CheckValid and profile.Merge;
// the normalizers of parca and pyroscope.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/profile.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct MappingInfo {
  uint64_t start = 0; // process addresses [start, limit) …
  uint64_t limit = 0;
  uint64_t offset = 0;  // … show the file from here
  std::string file;     // as in maps; the kernel's begins "[kernel.kallsyms]"
  std::string build_id; // GNU build id, lower-case hexadecimal; may be empty
  bool kernel = false;  // never becomes the first mapping while there is another one
};

struct FunctionInfo {
  std::string name;        // demangled, for people
  std::string system_name; // mangled; empty: the same as the name
  std::string file;
  int64_t start_line = 0;
};

struct LineInfo {
  uint64_t function = 0; // from add_function
  int64_t line = 0;
  int64_t column = 0;
};

// Text, or a number with its unit. A label with neither (no text, 0, no unit) is left out: readers
// could not tell it from an absent one. A number without a unit gets its key as the unit.
struct Label {
  std::string key;
  std::string text;
  int64_t number = 0;
  std::string unit;
};

struct ProfileHeader {
  // Name and unit of each value: {{"samples", "count"}, {"cpu", "nanoseconds"}}.
  std::vector<std::pair<std::string, std::string>> sample_types;
  std::pair<std::string, std::string> period_type;
  int64_t period = 0;
  int64_t time_nanos = 0; // start, since 1970
  int64_t duration_nanos = 0;
  std::string default_sample_type; // empty: the last one
  std::string doc_url;
  bool symbolized = true; // false: a raw profile, addresses only
};

// Collects one profile. Everything equal is stored once: entries with the same contents get the
// same id, samples with the same trace and labels are added up (values saturate). Strings that are
// not UTF-8 are made so (U+FFFD for each wrong byte).
//
// One thread. An id that this builder did not give, or a number of values other than that of the
// sample types, is a bug of the caller and throws std::invalid_argument.
class ProfileBuilder {
public:
  explicit ProfileBuilder(ProfileHeader header);
  ProfileBuilder(ProfileBuilder&&) noexcept;
  ProfileBuilder& operator=(ProfileBuilder&&) noexcept;
  ~ProfileBuilder();

  // The main executable comes first.
  uint64_t add_mapping(const MappingInfo& mapping);
  uint64_t add_function(const FunctionInfo& function);
  // `lines`: innermost inlined function first. Mapping 0 is the unknown mapping, made when it is
  // first needed. In a symbolized profile a location without lines gets a function that says where
  // it is: unsymbolized_name(mapping's file, address - start + offset); a caller that knows the
  // ELF address adds that function itself. In a raw profile lines are ignored.
  uint64_t add_location(uint64_t mapping, uint64_t address, std::span<const LineInfo> lines);
  // `locations`: leaf first. Of labels with the same key the first one stands; keys that begin
  // with "pprof::" are left out.
  void add_sample(std::span<const uint64_t> locations, std::span<const int64_t> values,
                  std::span<const Label> labels);
  // Stands in the profile as "key=value".
  void add_comment(std::string_view key, std::string_view value);

  perftools::profiles::Profile finish() &&;

private:
  struct State;
  std::unique_ptr<State> state_;
};

// The name of a frame without a symbol: "libfoo.so+0x1234", an ELF virtual address.
std::string unsymbolized_name(std::string_view file, uint64_t elf_address);

// Whether a profile keeps every rule above. For our own profiles, in tests and before shipping.
Result<void> check_valid(const perftools::profiles::Profile& profile);

// Whether a profile of anybody's hangs together: what pprof itself insists on (ids unique and not
// 0, every reference to an entry that exists, value counts, string indices, string_table[0]).
Result<void> check_consistent(const perftools::profiles::Profile& profile);

// The bytes of a file: gzip around the message. The same profile gives the same bytes.
Result<std::string> serialize_gzip(const perftools::profiles::Profile& profile);

struct ParseLimits {
  size_t inflated_bytes = size_t{512} << 20; // of the message
  size_t memory_bytes = size_t{2} << 30;     // of the profile in memory, estimated before parsing
  size_t frames = size_t{1} << 26;           // of all stacks, inlined ones written out
};

// Reads anybody's profile, gzip or raw, and holds it to check_consistent. The input may be hostile:
// inflation, memory and stacks are bounded; truncated input, trailing bytes and several profiles in
// one file are refused. Strings that are not UTF-8 are made so.
Result<perftools::profiles::Profile> parse_profile(std::string_view bytes,
                                                   const ParseLimits& limits = {});

// One profile of several, by pprof's rules: sample types and period type must be the same; equal
// samples add up and those that come to zero are left out; mappings are equal by build id (or
// file), offset and size, wherever they were; entries nobody refers to are left out; the first
// time, the summed duration, the longest period, every comment once. The profiles hang together
// (check_consistent).
Result<perftools::profiles::Profile>
merge(std::span<const perftools::profiles::Profile* const> profiles);

// The same, one profile after the other: memory depends on what is distinct in them, not on how
// many there are. One thread.
class ProfileMerger {
public:
  ProfileMerger();
  ProfileMerger(ProfileMerger&&) noexcept;
  ProfileMerger& operator=(ProfileMerger&&) noexcept;
  ~ProfileMerger();

  // Errors: its types are not those of the profiles before; nothing is added then.
  Result<void> add(const perftools::profiles::Profile& profile);
  // What it takes by now, estimated.
  [[nodiscard]] size_t memory_bytes() const;
  // An empty message where nothing was added.
  perftools::profiles::Profile finish() &&;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace pprofd
