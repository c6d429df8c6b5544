// Puts a file's unwind rows into replies: rules once each, rows as two numbers. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/worker.pb.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/facts.h"
#include "symbolizer/unwind/row.h"

namespace pprofd::symbolizer {

class RowWriter {
public:
  // Takes one reply; false: nobody listens any more.
  using Send = std::function<bool(const worker::RowReply&)>;

  // `machine`: EM_*. Row addresses are sent relative to `base`. `send` must outlive this.
  RowWriter(uint64_t id, uint16_t machine, ElfAddress base, const Send& send);

  // Rows in address order. Those that no table can hold (addresses more than 4 GiB apart, rules
  // that the protocol does not allow, more rows or rules than one file may have) are left out or
  // become rows of an unsupported rule, which finish() says.
  void add(std::span<const Row> rows);

  // The last reply. `facts` is changed to what was sent.
  void finish(const ElfImage& image, UnwindFacts facts);

private:
  struct Hash {
    size_t operator()(const unwind_rule& rule) const;
  };
  struct Equal {
    bool operator()(const unwind_rule& a, const unwind_rule& b) const;
  };

  void add(const Row& row);
  uint16_t index_of(const unwind_rule& rule);
  [[nodiscard]] bool is_full() const;
  worker::RowReply make_reply();
  void flush();

  uint64_t id_;
  uint16_t machine_;
  ElfAddress base_;
  const Send* send_;
  std::unordered_map<unwind_rule, uint16_t, Hash, Equal> indexes_;
  std::vector<uint32_t> addresses_;
  std::vector<uint16_t> rules_;
  std::vector<unwind_rule> new_rules_;
  uint64_t rows_ = 0; // sent or about to be
  uint64_t gaps_ = 0;
  uint64_t left_out_ = 0;
  uint64_t replaced_ = 0; // rows whose rule could not be sent
};

} // namespace pprofd::symbolizer
