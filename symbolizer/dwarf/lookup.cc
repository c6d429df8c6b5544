#include "symbolizer/dwarf/lookup.h"

#include <algorithm>
#include <string>
#include <utility>

#include "symbolizer/base/lru_cache.h"
#include "symbolizer/dwarf/functions/names.h"
#include "symbolizer/dwarf/units/address_index.h"
#include "symbolizer/dwarf/units/constants.h"
#include "symbolizer/dwarf/units/ranges.h"

namespace pprofd::symbolizer::dwarf {
namespace {

// One find()'s texts have to fit, whatever the caches held before.
constexpr size_t kPathBytes = 4 << 20;
constexpr size_t kLongestPath = 3 * 4096 + 2;
static_assert(kPathBytes > DwarfLookup::kMaxFrames * (kLongestPath + 256));
constexpr size_t kLeastNameBytes = DwarfLookup::kMaxFrames * (kMaxDemangled + 256);

// Numbers of files; a split one's is its unit's.
constexpr uint32_t kMainFile = UINT32_MAX;
constexpr uint32_t kSupplementaryFile = UINT32_MAX - 1;

} // namespace

class DwarfLookup::State {
public:
  State(const Sections& sections, std::span<const AddressRange> code, LookupOptions options)
      : options_(std::move(options)), code_(code),
        units_(kMainFile, sections, options_.supplementary, options_.abbreviation_bytes),
        supplementary_(options_.supplementary == nullptr
                           ? nullptr
                           : std::make_unique<UnitSet>(kSupplementaryFile, *options_.supplementary,
                                                       nullptr, options_.abbreviation_bytes)),
        names_(supplementary_.get(), options_.name_bytes), tables_(options_.table_bytes),
        paths_(kPathBytes), readable_(std::max(options_.name_bytes, kLeastNameBytes)) {
    counts_.units = units_.headers().size();
    index_units();
  }

  // AddressIndex::kNone: no unit has it.
  uint32_t unit_of(uint64_t address) {
    const uint32_t unit = index_.find(address);
    if (unit != AddressIndex::kNone || !code_.contains(address))
      return unit;
    index_bare_units();
    return bare_index_.find(address);
  }

  std::span<const Frame> find(uint64_t address, uint32_t unit) {
    frames_.clear();
    if (unit == AddressIndex::kNone)
      return frames_;
    UnitTables& tables = tables_of(unit);
    const LineTable::Row* const row = tables.lines.find(address);
    uint32_t scope = tables.scopes.find(address);
    if (row == nullptr && scope == Scope::kNone)
      return frames_;
    Frame frame;
    if (row != nullptr) {
      frame.file = path(tables, row->file);
      // As llvm-symbolizer has it: without a file, no line.
      if (!frame.file.empty()) {
        frame.line = row->line;
        frame.column = row->column;
      }
    }
    if (scope == Scope::kNone && frame.file.empty())
      return frames_;
    while (scope != Scope::kNone && frames_.size() < kMaxFrames) {
      const Scope& function = tables.scopes.scope(scope);
      add_name(tables, function, frame);
      frames_.push_back(frame);
      frame = Frame();
      frame.file = path(tables, function.call_file);
      frame.line = function.call_line;
      frame.column = function.call_column;
      scope = function.parent;
    }
    if (frames_.empty())
      frames_.push_back(frame);
    return frames_;
  }

  std::vector<UnitRange> ranges() {
    index_bare_units();
    std::vector<UnitRange> bare;
    bare_index_.visit(
        [&](uint64_t start, uint64_t end, uint32_t unit) { add_code({start, end, unit}, bare); });
    std::vector<UnitRange> found;
    size_t next = 0; // of bare
    uint64_t at = 0;
    // Units that do not state their ranges have what no other unit has.
    const auto add_gap = [&](uint64_t end) {
      while (next < bare.size() && bare[next].end <= at)
        ++next;
      for (size_t i = next; i < bare.size() && bare[i].start < end; ++i)
        found.push_back({std::max(bare[i].start, at), std::min(bare[i].end, end), bare[i].unit});
    };
    index_.visit([&](uint64_t start, uint64_t end, uint32_t unit) {
      add_gap(start);
      found.push_back({start, end, unit});
      at = end;
    });
    add_gap(UINT64_MAX);
    return found;
  }

  std::unique_ptr<UnitTables> read_unit(uint32_t number) {
    auto tables = std::make_unique<UnitTables>();
    tables->number = number;
    tables->unit = units_.get(units_.headers()[number]);
    read_lines(*tables);
    read_scopes(*tables);
    ++counts_.units_read;
    return tables;
  }

  std::string_view path(const UnitTables& tables, uint32_t file) {
    const uint64_t key = uint64_t{tables.number} << 32 | file;
    if (const auto* const found = paths_.find(key); found != nullptr)
      return *found;
    std::string path = tables.files.path(file, tables.unit->folder());
    const size_t size = path.size();
    return paths_.put(key, std::move(path), size);
  }

  FunctionName name(const UnitTables& tables, const Scope& scope) {
    const bool split = tables.split != nullptr;
    const Unit& unit = split ? *tables.split->unit : *tables.unit;
    return names_.find(split ? *tables.split->units : units_, unit,
                       unit.header.offset + scope.entry);
  }

  [[nodiscard]] const LookupCounts& counts() const { return counts_; }
  [[nodiscard]] bool has_split_units() const { return has_split_units_; }
  [[nodiscard]] const std::string& missing_split_file() const { return missing_split_file_; }

  void forget() {
    frames_.clear();
    tables_.clear();
    names_.forget();
    readable_.clear();
  }

  [[nodiscard]] size_t memory() const {
    return units_.memory() + (supplementary_ == nullptr ? 0 : supplementary_->memory()) +
           names_.memory() + index_.memory() + bare_index_.memory() + tables_.bytes() +
           paths_.bytes() + readable_.bytes() + rows_scratch_.capacity() * sizeof(LineTable::Row);
  }

private:
  void index_units() {
    const auto& headers = units_.headers();
    for (uint32_t number = 0; number < headers.size(); ++number) {
      if (headers[number].is_type())
        continue;
      const Unit unit = read_unit_root(units_.sections(), headers[number]);
      has_split_units_ = has_split_units_ || split_reference(unit).has_value();
      if (unit.tag == DW_TAG_compile_unit && !states_ranges(unit))
        bare_units_.push_back(number);
      visit_ranges(unit, unit.root, [&](uint64_t start, uint64_t end) {
        if (code_.contains(start))
          index_.add(start, end, number);
        return true;
      });
    }
    index_.finish();
  }

  // A unit of version 2 can state but one range, and has functions outside where they stand in
  // sections of their own.
  static bool states_ranges(const Unit& unit) {
    return unit.root.has(Slot::kRanges) ||
           (unit.root.has(Slot::kHighPc) && unit.header.format.version > 2);
  }

  // Units that do not say where their code is have it where their functions have it. That takes
  // walking over them, hence only when an address is found nowhere else.
  void index_bare_units() {
    for (const uint32_t number : std::exchange(bare_units_, {})) {
      const auto unit = units_.get(units_.headers()[number]);
      const ScopeTable scopes(*unit, code_, scopes_scratch_);
      counts_.entries += scopes.entries();
      const auto& pieces = scopes.pieces();
      for (size_t i = 0; i + 1 < pieces.size(); ++i)
        if (pieces[i].scope != Scope::kNone)
          bare_index_.add(scopes.base() + pieces[i].start, scopes.base() + pieces[i + 1].start,
                          number);
    }
    if (!bare_indexed_)
      bare_index_.finish();
    bare_indexed_ = true;
  }

  UnitTables& tables_of(uint32_t number) {
    if (auto* const found = tables_.find(number); found != nullptr)
      return **found;
    if (options_.split_files_full && options_.split_files_full())
      forget();
    auto tables = read_unit(number);
    const size_t memory = tables->memory();
    return *tables_.put(number, std::move(tables), memory);
  }

  void read_lines(UnitTables& tables) {
    const auto offset = tables.unit->line_program();
    if (!offset)
      return;
    auto program =
        LineProgram::read(units_.sections(), *offset, tables.unit->header.format.address_size);
    if (!program)
      return;
    tables.lines = LineTable(*program, code_, rows_scratch_);
    tables.files = std::move(program->files());
    counts_.rows += tables.lines.decoded();
  }

  void read_scopes(UnitTables& tables) {
    const Unit* unit = tables.unit.get();
    if (const auto reference = split_reference(*unit)) {
      tables.split = find_split(*unit, *reference, tables.number);
      if (tables.split != nullptr)
        unit = tables.split->unit.get();
      else
        note_missing(*reference);
    }
    tables.scopes = ScopeTable(*unit, code_, scopes_scratch_);
    counts_.entries += tables.scopes.entries();
  }

  std::unique_ptr<SplitUnit> find_split(const Unit& skeleton, const SplitReference& reference,
                                        uint32_t number) const {
    if (!options_.split_files)
      return nullptr;
    for (SplitSections& file : options_.split_files(reference))
      if (auto found = SplitUnit::find(std::move(file), skeleton, reference.id, number))
        return found;
    return nullptr;
  }

  void note_missing(const SplitReference& reference) {
    ++counts_.split_missing;
    if (missing_split_file_.empty())
      missing_split_file_ = reference.name;
  }

  void add_name(const UnitTables& tables, const Scope& scope, Frame& frame) {
    const FunctionName found = name(tables, scope);
    frame.system_name = found.best();
    frame.name = readable(frame.system_name);
    frame.start_line = found.start_line;
  }

  // As much of it as is code.
  void add_code(const UnitRange& range, std::vector<UnitRange>& ranges) const {
    const auto all = code_.ranges();
    auto code = std::ranges::upper_bound(all, ElfAddress{range.start}, {}, &AddressRange::end);
    for (; code != all.end() && code->start.value < range.end; ++code)
      ranges.push_back({std::max(range.start, code->start.value),
                        std::min(range.end, code->end.value), range.unit});
  }

  std::string_view readable(std::string_view name) {
    if (options_.style == NameStyle::kNone || name.empty())
      return name;
    // A text's place in its section tells it from all others.
    if (const auto* const found = readable_.find(name.data()); found != nullptr)
      return *found;
    std::string made = demangle(name, options_.style, options_.max_mangled);
    const size_t size = made.size();
    return readable_.put(name.data(), std::move(made), size);
  }

  LookupOptions options_;
  CodeMap code_;
  UnitSet units_;
  std::unique_ptr<UnitSet> supplementary_;
  FunctionNames names_;
  AddressIndex index_;
  AddressIndex bare_index_; // of units that do not state their ranges
  std::vector<uint32_t> bare_units_;
  bool bare_indexed_ = false;
  bool has_split_units_ = false;
  std::string missing_split_file_;
  LruCache<uint32_t, std::unique_ptr<UnitTables>> tables_;
  LruCache<uint64_t, std::string> paths_;       // by unit and file
  LruCache<const char*, std::string> readable_; // by where the mangled name is
  std::vector<LineTable::Row> rows_scratch_;
  ScopeScratch scopes_scratch_;
  std::vector<Frame> frames_;
  LookupCounts counts_;
};

DwarfLookup::DwarfLookup(const Sections& sections, std::span<const AddressRange> code,
                         LookupOptions options)
    : state_(std::make_unique<State>(sections, code, std::move(options))) {}

DwarfLookup::~DwarfLookup() = default;

std::span<const Frame> DwarfLookup::find(ElfAddress address) {
  return state_->find(address.value, state_->unit_of(address.value));
}

void DwarfLookup::find_all(std::span<const ElfAddress> addresses,
                           const std::function<void(size_t, std::span<const Frame>)>& found) {
  struct Query {
    uint32_t unit = 0;
    uint64_t address = 0;
    size_t index = 0;
    auto operator<=>(const Query&) const = default;
  };
  std::vector<Query> queries;
  queries.reserve(addresses.size());
  for (size_t i = 0; i < addresses.size(); ++i)
    queries.push_back({state_->unit_of(addresses[i].value), addresses[i].value, i});
  std::ranges::sort(queries);
  for (const Query& query : queries)
    found(query.index, state_->find(query.address, query.unit));
}

std::vector<UnitRange> DwarfLookup::ranges() {
  return state_->ranges();
}

std::unique_ptr<UnitTables> DwarfLookup::read_unit(uint32_t number) {
  return state_->read_unit(number);
}

std::string_view DwarfLookup::path(const UnitTables& unit, uint32_t file) {
  return state_->path(unit, file);
}

FunctionName DwarfLookup::name(const UnitTables& unit, const Scope& scope) {
  return state_->name(unit, scope);
}

bool DwarfLookup::has_split_units() const {
  return state_->has_split_units();
}

const std::string& DwarfLookup::missing_split_file() const {
  return state_->missing_split_file();
}

void DwarfLookup::forget() {
  state_->forget();
}

const LookupCounts& DwarfLookup::counts() const {
  return state_->counts();
}

size_t DwarfLookup::memory() const {
  return state_->memory();
}

} // namespace pprofd::symbolizer::dwarf
