#include "symbolizer/dwarf/functions/scopes.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "symbolizer/dwarf/units/constants.h"
#include "symbolizer/dwarf/units/ranges.h"

namespace pprofd::symbolizer::dwarf {
namespace {

// Functions within functions; deeper ones count as their parents' code.
constexpr size_t kMaxNesting = 4096;

uint32_t clipped(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX));
}

} // namespace

class ScopeWalk {
public:
  ScopeWalk(const Unit& unit, CodeMap& code, ScopeScratch& scratch, ScopeTable& table)
      : unit_(unit), abbreviations_(*unit.abbreviations), code_(code), scratch_(scratch),
        table_(table), cursor_(unit.entries_at(unit.root_end)),
        add_range_([this](uint64_t start, uint64_t end) { return add_range(start, end); }) {
    scratch_.ranges.clear();
    scratch_.scopes.clear();
  }

  void walk() {
    if (!unit_.children)
      return;
    depth_ = 1;
    while (depth_ != 0 && !cursor_.at_end() && !table_.full_)
      step();
  }

private:
  // A function that is being walked through. Its scope is made when something needs it.
  struct Open {
    uint64_t depth = 0; // of its children
    uint64_t entry = 0; // its position, for a scope that is not yet made
    uint32_t scope = Scope::kNone;
    bool function = false; // not an inlined one
  };

  void step() {
    const uint64_t position = cursor_.position();
    const uint64_t code = cursor_.uleb();
    if (code == 0) {
      leave();
      return;
    }
    ++table_.entries_;
    const Abbreviation& abbreviation = abbreviations_.find(code);
    switch (abbreviation.role) {
    case Role::kPlain:
      skip(abbreviation);
      depth_ += abbreviation.children ? 1 : 0;
      return;
    case Role::kBarren:
      skip_beneath(abbreviation);
      return;
    case Role::kScope:
      skip(abbreviation);
      enter(abbreviation, position, Scope::kNone);
      return;
    case Role::kCode:
      read(abbreviation, position);
      return;
    case Role::kMissing:
      cursor_.skip(UINT64_MAX);
      return;
    }
  }

  void leave() {
    if (!open_.empty() && open_.back().depth == depth_)
      open_.pop_back();
    --depth_;
  }

  void skip(const Abbreviation& abbreviation) {
    if (abbreviation.size != Abbreviation::kVariable)
      cursor_.skip(abbreviation.size);
    else
      read_attributes(abbreviation);
  }

  void read_attributes(const Abbreviation& abbreviation) {
    attributes_.clear();
    abbreviations_.read_entry(cursor_, abbreviation, unit_.header.format, attributes_);
  }

  // To the sibling, if that stands behind this entry and in the unit.
  void skip_beneath(const Abbreviation& abbreviation) {
    const uint64_t sibling = unit_.header.offset + read_sibling(abbreviation);
    const uint64_t position = cursor_.position();
    if (sibling > position && sibling < unit_.header.end)
      cursor_.skip(sibling - position);
    else
      ++depth_;
  }

  uint64_t read_sibling(const Abbreviation& abbreviation) {
    if (abbreviation.sibling == Abbreviation::kVariable) {
      read_attributes(abbreviation);
      const FormValue* const value = attributes_.find(Slot::kSibling);
      return value != nullptr && value->form != DW_FORM_ref_addr ? value->raw : 0;
    }
    const auto entry = cursor_.bytes(abbreviation.size);
    uint32_t sibling = 0;
    if (!entry.empty())
      std::memcpy(&sibling, entry.data() + abbreviation.sibling, sizeof sibling);
    return sibling;
  }

  void enter(const Abbreviation& abbreviation, uint64_t position, uint32_t scope) {
    if (!abbreviation.children)
      return;
    ++depth_;
    if (open_.size() < kMaxNesting)
      open_.push_back({.depth = depth_,
                       .entry = position,
                       .scope = scope,
                       .function = abbreviation.tag == DW_TAG_subprogram});
  }

  void read(const Abbreviation& abbreviation, uint64_t position) {
    read_attributes(abbreviation);
    if (cursor_.failed())
      return;
    current_ = Scope::kNone;
    position_ = position;
    function_ = abbreviation.tag == DW_TAG_subprogram;
    visit_ranges(unit_, attributes_, add_range_);
    enter(abbreviation, position, current_);
  }

  bool add_range(uint64_t start, uint64_t end) {
    if (!code_.contains(start))
      return true;
    if (current_ == Scope::kNone)
      current_ = make_scope(position_, function_, open_.size());
    if (current_ == Scope::kNone || scratch_.ranges.size() >= ScopeTable::kMaxRanges) {
      table_.full_ = true;
      return false;
    }
    scratch_.ranges.push_back({start, end, current_});
    return true;
  }

  // The scope of the entry that attributes_ are of, with `above` functions open around it.
  uint32_t make_scope(uint64_t position, bool function, size_t above) {
    if (scratch_.scopes.size() >= ScopeTable::kMaxScopes)
      return Scope::kNone;
    Scope scope{.entry = clipped(position - unit_.header.offset),
                .call_file = clipped(attributes_.number(Slot::kCallFile)),
                .call_line = clipped(attributes_.number(Slot::kCallLine)),
                .call_column = clipped(attributes_.number(Slot::kCallColumn))};
    if (!function && above != 0)
      scope.parent = scope_of(above - 1);
    scratch_.scopes.push_back(scope);
    return static_cast<uint32_t>(scratch_.scopes.size() - 1);
  }

  // Makes the scope of an open function that has no code of its own, and those around it that it
  // is inlined into.
  uint32_t scope_of(size_t index) {
    if (open_[index].scope != Scope::kNone)
      return open_[index].scope;
    size_t first = index;
    while (first != 0 && !open_[first].function && open_[first - 1].scope == Scope::kNone)
      --first;
    const Attributes kept = attributes_;
    for (size_t i = first; i <= index && scratch_.scopes.size() < ScopeTable::kMaxScopes; ++i) {
      Cursor cursor = unit_.entries_at(open_[i].entry);
      attributes_.clear();
      abbreviations_.read_entry(cursor, abbreviations_.find(cursor.uleb()), unit_.header.format,
                                attributes_);
      open_[i].scope = make_scope(open_[i].entry, open_[i].function, i);
    }
    attributes_ = kept;
    return open_[index].scope;
  }

  const Unit& unit_;
  const AbbreviationTable& abbreviations_;
  CodeMap& code_;
  ScopeScratch& scratch_;
  ScopeTable& table_;
  Cursor cursor_;
  RangeVisitor add_range_;
  Attributes attributes_;
  std::vector<Open> open_;
  uint64_t depth_ = 0;
  // The entry whose ranges are being added.
  uint64_t position_ = 0;
  uint32_t current_ = Scope::kNone;
  bool function_ = false;
};

namespace {

// Cuts ranges, which come in order of start, into pieces.
class PieceCutter {
public:
  PieceCutter(uint64_t base, std::vector<ScopePiece>& pieces) : base_(base), pieces_(pieces) {
    pieces_.clear();
  }

  void add(const ScopeRange& range) {
    close_before(range.start);
    open_.push_back(range);
    begin(range.start, range.scope);
  }

  void finish() { close_before(UINT64_MAX); }

private:
  void close_before(uint64_t start) {
    while (!open_.empty() && open_.back().end <= start) {
      const uint64_t end = open_.back().end;
      while (!open_.empty() && open_.back().end <= end)
        open_.pop_back();
      begin(end, open_.empty() ? Scope::kNone : open_.back().scope);
    }
  }

  void begin(uint64_t at, uint32_t scope) {
    const uint32_t start = clipped(at - base_);
    if (!pieces_.empty() && pieces_.back().start == start)
      pieces_.back().scope = scope;
    else if (pieces_.empty() || pieces_.back().scope != scope)
      pieces_.push_back({start, scope});
  }

  uint64_t base_;
  std::vector<ScopePiece>& pieces_;
  std::vector<ScopeRange> open_;
};

} // namespace

ScopeTable::ScopeTable(const Unit& unit, CodeMap& code, ScopeScratch& scratch) {
  if (unit.tag == 0 || !unit.abbreviations->has_code())
    return;
  ScopeWalk(unit, code, scratch, *this).walk();
  scopes_.assign(scratch.scopes.begin(), scratch.scopes.end());
  cut_pieces(scratch);
}

void ScopeTable::cut_pieces(ScopeScratch& scratch) {
  auto& ranges = scratch.ranges;
  if (ranges.empty())
    return;
  std::ranges::sort(
      ranges, {}, [](const ScopeRange& range) { return std::make_pair(range.start, range.scope); });
  base_ = ranges.front().start;
  PieceCutter cutter(base_, scratch.pieces);
  for (const ScopeRange& range : ranges)
    cutter.add(range);
  cutter.finish();
  pieces_.assign(scratch.pieces.begin(), scratch.pieces.end());
}

uint32_t ScopeTable::find(uint64_t address) const {
  if (address < base_ || address - base_ >= UINT32_MAX)
    return Scope::kNone;
  const auto after = std::ranges::upper_bound(pieces_, static_cast<uint32_t>(address - base_), {},
                                              &ScopePiece::start);
  return after == pieces_.begin() ? Scope::kNone : std::prev(after)->scope;
}

size_t ScopeTable::memory() const {
  return pieces_.capacity() * sizeof(ScopePiece) + scopes_.capacity() * sizeof(Scope);
}

} // namespace pprofd::symbolizer::dwarf
