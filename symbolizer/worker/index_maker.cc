#include "symbolizer/worker/index_maker.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "symbolizer/dwarf/pieces.h"
#include "symbolizer/index/writer.h"
#include "symbolizer/worker/symbol_finder.h"

namespace pprofd::symbolizer {
namespace {

using dwarf::Scope;
using dwarf::UnitRange;
using dwarf::UnitTables;

// The symbol at the address that was asked last, and how far it reaches.
class SymbolStretch {
public:
  explicit SymbolStretch(SymbolFinder finder) : finder_(std::move(finder)) {}

  void move_to(uint64_t address) {
    if (address >= start_ && address < end_)
      return;
    found_ = finder_.find({address});
    start_ = address;
    end_ = finder_.end_of({address}).value;
    ++number_;
  }

  [[nodiscard]] const FoundSymbol& found() const { return found_; }
  [[nodiscard]] uint64_t end() const { return end_; }
  [[nodiscard]] uint32_t number() const { return number_; } // tells it from those before

private:
  SymbolFinder finder_;
  FoundSymbol found_;
  uint64_t start_ = 0;
  uint64_t end_ = 0;
  uint32_t number_ = 0;
};

// What the writer gave for the functions and files of one unit.
class UnitNodes {
public:
  UnitNodes(dwarf::DwarfLookup& lookup, const UnitTables& unit, SymbolStretch& symbols,
            IndexWriter& writer)
      : lookup_(lookup), unit_(unit), symbols_(symbols), writer_(writer),
        nodes_(unit.scopes.scopes().size()) {}

  // As DwarfLookup and NameFinder together have it.
  IndexPlace place_of(const dwarf::CodePiece& piece) {
    IndexPlace place;
    if (piece.row != nullptr)
      place.file = file(piece.row->file);
    if (place.file != 0) {
      place.line = piece.row->line;
      place.column = piece.row->column;
    }
    if (piece.scope == Scope::kNone) {
      place.node = bare_node();
      if (!symbols_.found().symbol)
        return {.node = place.node};
    } else {
      place.node = node_of(piece.scope);
    }
    return place;
  }

private:
  struct Node {
    uint32_t place = 0;
    uint32_t symbol = 0; // under which of the symbols it was made
  };

  uint32_t file(uint32_t number) {
    const auto [known, is_new] = files_.try_emplace(number, 0);
    if (is_new)
      known->second = writer_.add_file(lookup_.path(unit_, number));
    return known->second;
  }

  uint32_t bare_node() {
    if (bare_.symbol != symbols_.number()) {
      const auto& [symbol, start] = symbols_.found();
      bare_.symbol = symbols_.number();
      bare_.place =
          !symbol && start == ElfAddress{}
              ? 0
              : writer_.add_function(symbol ? writer_.add_name(symbol->name, 0) : 0, start.value);
    }
    return bare_.place;
  }

  uint32_t node_of(uint32_t scope) {
    // From the outermost function that has no node yet; parents have lower numbers.
    std::vector<uint32_t> missing;
    while (scope != Scope::kNone && nodes_[scope].symbol != symbols_.number()) {
      missing.push_back(scope);
      scope = unit_.scopes.scope(scope).parent;
    }
    uint32_t node = scope == Scope::kNone ? 0 : nodes_[scope].place;
    for (; !missing.empty(); missing.pop_back()) {
      node = make_node(missing.back(), node);
      nodes_[missing.back()] = {node, symbols_.number()};
    }
    return node;
  }

  uint32_t make_node(uint32_t number, uint32_t caller) {
    const Scope& scope = unit_.scopes.scope(number);
    const dwarf::FunctionName name = lookup_.name(unit_, scope);
    if (caller != 0)
      return writer_.add_inlined(caller, writer_.add_name(name.best(), name.start_line),
                                 file(scope.call_file), scope.call_line, scope.call_column);
    const auto& [symbol, start] = symbols_.found();
    return writer_.add_function(
        writer_.add_name(symbol ? std::string_view(symbol->name) : name.best(), name.start_line),
        start.value);
  }

  dwarf::DwarfLookup& lookup_;
  const UnitTables& unit_;
  SymbolStretch& symbols_;
  IndexWriter& writer_;
  std::vector<Node> nodes_; // by scope
  Node bare_;
  std::unordered_map<uint32_t, uint32_t> files_;
};

class IndexMaker {
public:
  IndexMaker(const ParsedFile& file, const ByteSource& source, std::vector<UnitRange> ranges,
             IndexWriter& writer)
      : file_(file), ranges_(std::move(ranges)), writer_(writer),
        symbols_(SymbolFinder(file, /*debug=*/true, source)) {}

  void make(std::span<const AddressRange> code) {
    add_symbols(code);
    std::ranges::sort(ranges_, {},
                      [](const UnitRange& range) { return std::tie(range.unit, range.start); });
    for (size_t first = 0; first < ranges_.size() && !writer_.full();) {
      size_t end = first;
      while (end < ranges_.size() && ranges_[end].unit == ranges_[first].unit)
        ++end;
      add_unit(std::span(ranges_).subspan(first, end - first));
      first = end;
    }
  }

private:
  void add_unit(std::span<const UnitRange> ranges) {
    dwarf::DwarfLookup& lookup = *file_.debug->dwarf();
    const auto unit = lookup.read_unit(ranges.front().unit);
    UnitNodes nodes(lookup, *unit, symbols_, writer_);
    for (const UnitRange& range : ranges) {
      dwarf::visit_pieces(unit->lines, unit->scopes, range.start, range.end,
                          [&](const dwarf::CodePiece& piece) {
                            add_piece(piece, [&] { return nodes.place_of(piece); });
                          });
      writer_.end_run(range.end);
    }
  }

  template <typename PlaceOf>
  void add_piece(const dwarf::CodePiece& piece, const PlaceOf& place_of) {
    for (uint64_t at = piece.start; at < piece.end; at = symbols_.end()) {
      symbols_.move_to(at);
      writer_.add(at, place_of());
    }
  }

  // Code that no unit describes. The ranges are in the order of addresses still.
  void add_symbols(std::span<const AddressRange> all) {
    std::ranges::sort(ranges_, {}, &UnitRange::start);
    auto next = ranges_.begin();
    for (const AddressRange& code : all) {
      uint64_t at = code.start.value;
      while (next != ranges_.end() && next->end <= at)
        ++next;
      for (; next != ranges_.end() && next->start < code.end.value; ++next) {
        add_gap(at, next->start);
        at = next->end;
      }
      add_gap(at, code.end.value);
    }
  }

  void add_gap(uint64_t start, uint64_t end) {
    if (start >= end || writer_.full())
      return;
    add_piece({.start = start, .end = end}, [&]() -> IndexPlace {
      const auto& [symbol, function] = symbols_.found();
      if (!symbol && function == ElfAddress{})
        return {};
      return {.node = writer_.add_function(symbol ? writer_.add_name(symbol->name, 0) : 0,
                                           function.value)};
    });
    writer_.end_run(end);
  }

  const ParsedFile& file_;
  std::vector<UnitRange> ranges_;
  IndexWriter& writer_;
  SymbolStretch symbols_;
};

} // namespace

Result<uint64_t> make_index(const ParsedFile& file, const ByteSource& source,
                            std::span<std::byte> room, std::string_view key) {
  if (!file.image || !file.symbols || file.image->code().empty())
    return fail("", "there is no code with names");
  if (file.debug != nullptr && file.debug->names_are_final())
    return fail("", "Go's own table is as good as an index");
  if (file.debug != nullptr && file.debug->has_split_files())
    return fail("", "its split units have files of their own, which an index would not know");
  dwarf::DwarfLookup* const lookup = file.debug == nullptr ? nullptr : file.debug->dwarf();
  std::vector<UnitRange> ranges = lookup == nullptr ? std::vector<UnitRange>() : lookup->ranges();
  uint64_t base = file.image->code().front().start.value;
  for (const UnitRange& range : ranges)
    base = std::min(base, range.start);
  IndexWriter writer(room, base);
  IndexMaker(file, source, std::move(ranges), writer).make(file.image->code());
  if (file.debug != nullptr && file.debug->changed())
    return fail("", "the file changed meanwhile");
  return writer.finish(key);
}

} // namespace pprofd::symbolizer
