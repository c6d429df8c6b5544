#include "symbolizer/worker/row_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"
#include "symbolizer/protocol/unwind_tables.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kRowSize = sizeof(uint32_t) + sizeof(uint16_t);
constexpr unwind_rule kGap{};
constexpr unwind_rule kUnsupported = [] {
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_UNSUPPORTED;
  return rule;
}();

std::array<uint64_t, 3> words_of(const unwind_rule& rule) {
  static_assert(sizeof rule == sizeof(std::array<uint64_t, 3>));
  return std::bit_cast<std::array<uint64_t, 3>>(rule);
}

void add_segments(const ElfImage& image, worker::RowReply::Facts& facts,
                  std::vector<std::string>& notes) {
  for (const ElfSegment& from : image.segments()) {
    if (!from.executable)
      continue;
    if (!is_valid(from) || static_cast<size_t>(facts.segments_size()) == kMaxCodeSegments) {
      notes.emplace_back("an executable segment is impossible, or one too many");
      return;
    }
    worker::RowReply::Segment& to = *facts.add_segments();
    to.set_offset(from.offset);
    to.set_file_size(from.file_size);
    to.set_address(from.address.value);
    to.set_memory_size(from.memory_size);
  }
}

void add_go(const GoFacts& go, worker::RowReply::Go& to) {
  for (const GoSymbol& symbol : go.functions) {
    if (static_cast<size_t>(to.functions_size()) == kMaxGoFunctions)
      return;
    worker::RowReply::GoSymbol& function = *to.add_functions();
    function.set_function(static_cast<uint32_t>(symbol.function));
    function.set_start(symbol.start.value);
    function.set_size(std::min(symbol.size, UINT64_MAX - symbol.start.value));
  }
}

void add_counts(const UnwindFacts& facts, worker::RowReply::Facts& to) {
  to.set_eh_frame_bytes(facts.eh_frame_bytes);
  to.set_debug_frame_bytes(facts.debug_frame_bytes);
  to.set_fdes(facts.fdes);
  to.mutable_malformed()->Assign(facts.malformed.begin(), facts.malformed.end());
  to.set_empty(facts.empty);
  to.set_outside_code(facts.outside_code);
  to.set_overlapping(facts.overlapping);
  to.set_rows_decoded(facts.rows_decoded);
  to.set_merged_pairs(facts.merged_pairs);
  to.set_unsupported_cfa(facts.unsupported_cfa);
  to.set_unsupported_fp(facts.unsupported_fp);
  to.set_unsupported_ra(facts.unsupported_ra);
  to.set_unsupported_sp(facts.unsupported_sp);
  to.set_go_functions(facts.go_functions);
  to.set_signal_trampolines(facts.signal_trampolines);
}

} // namespace

size_t RowWriter::Hash::operator()(const unwind_rule& rule) const {
  size_t hash = 0;
  for (const uint64_t word : words_of(rule)) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29;
  }
  return hash;
}

bool RowWriter::Equal::operator()(const unwind_rule& a, const unwind_rule& b) const {
  return words_of(a) == words_of(b);
}

RowWriter::RowWriter(uint64_t id, uint16_t machine, ElfAddress base, const Send& send)
    : id_(id), machine_(machine), base_(base), send_(&send) {}

void RowWriter::add(std::span<const Row> rows) {
  for (const Row& row : rows)
    add(row);
}

void RowWriter::add(const Row& row) {
  if (row.address < base_ || row.address.value - base_.value > UINT32_MAX ||
      rows_ == kMaxUnwindRows) {
    ++left_out_;
    return;
  }
  if (is_full())
    flush();
  // The last row of too many ends the coverage.
  const unwind_rule& rule = rows_ + 1 == kMaxUnwindRows ? kGap : row.rule;
  rules_.push_back(index_of(rule));
  addresses_.push_back(static_cast<uint32_t>(row.address.value - base_.value));
  gaps_ += rule.cfa == UNWIND_CFA_NONE;
  ++rows_;
}

uint16_t RowWriter::index_of(const unwind_rule& rule) {
  if (const auto known = indexes_.find(rule); known != indexes_.end())
    return known->second;
  // One place is kept for the rule that stands for those.
  const bool room = indexes_.size() + 1 < kMaxUnwindRules || Equal()(rule, kUnsupported);
  if (!room || !is_valid(rule)) {
    ++replaced_;
    return index_of(kUnsupported);
  }
  const auto index = static_cast<uint16_t>(indexes_.size());
  indexes_.emplace(rule, index);
  new_rules_.push_back(rule);
  return index;
}

bool RowWriter::is_full() const {
  return (addresses_.size() + 1) * kRowSize + (new_rules_.size() + 1) * sizeof(unwind_rule) >
         kListRoom;
}

worker::RowReply RowWriter::make_reply() {
  worker::RowReply reply;
  reply.set_id(id_);
  reply.set_machine(machine_);
  reply.set_base(base_.value);
  reply.set_addresses(pack(std::span<const uint32_t>(addresses_)));
  reply.set_rules(pack(std::span<const uint16_t>(rules_)));
  reply.set_new_rules(pack(std::span<const unwind_rule>(new_rules_)));
  addresses_.clear();
  rules_.clear();
  new_rules_.clear();
  return reply;
}

void RowWriter::flush() {
  if (!addresses_.empty())
    (*send_)(make_reply());
}

void RowWriter::finish(const ElfImage& image, UnwindFacts facts) {
  flush();
  worker::RowReply reply = make_reply();
  reply.set_last(true);
  reply.set_build_id(image.build_id().data(), image.build_id().size());
  worker::RowReply::Facts& to = *reply.mutable_facts();
  add_segments(image, to, facts.notes);
  if (facts.go)
    add_go(*facts.go, *to.mutable_go());
  to.set_text_start(facts.text.start.value);
  to.set_text_end(facts.text.end.value);
  add_counts(facts, to);
  to.set_rows(rows_);
  to.set_gaps(gaps_);
  if (left_out_ != 0)
    facts.notes.push_back(std::to_string(left_out_) + " rows too many or too far from the others");
  if (replaced_ != 0)
    facts.notes.push_back(std::to_string(replaced_) + " rows with rules too many or impossible");
  for (const std::string& note :
       std::span(facts.notes).first(std::min(facts.notes.size(), kMaxNotes)))
    to.add_notes(cut_text(clean_text(note), kMaxFailure));
  (*send_)(reply);
}

} // namespace pprofd::symbolizer
