#include "daemon/profile/flamegraph/json.h"

#include <charconv>
#include <map>
#include <string_view>

#include "daemon/profile/flamegraph/changes.h"
#include "daemon/profile/json_text.h"
#include "daemon/profile/table/short_name.h"

namespace pprofd {

namespace {

template <typename Number> void append_number(std::string& out, Number value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

// A share with as many digits as its samples can bear out.
void append_share(std::string& out, double value) {
  char digits[32];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, 6).ptr;
  out.append(digits, end);
}

class Writer {
public:
  explicit Writer(const FlameGraph& graph) : graph_(graph) {}

  std::string write() {
    out_ = "{\"type\":";
    append_json(out_, graph_.type);
    out_ += ",\"unit\":";
    append_json(out_, graph_.unit);
    out_ += ',';
    source(graph_.now);
    out_ += ",\"cut\":";
    append_number(out_, graph_.cut);
    functions();
    nodes();
    if (graph_.base)
      comparison(*graph_.base);
    out_ += '}';
    return std::move(out_);
  }

private:
  void source(const FlameSource& source) {
    out_ += R"("profiles":)";
    append_number(out_, source.profiles);
    out_ += ",\"samples\":";
    append_number(out_, source.samples);
    out_ += ",\"total\":";
    append_number(out_, source.total);
    out_ += ",\"frequency\":";
    append_number(out_, source.accounting.frequency);
    out_ += R"(,"stacks":{"complete":)";
    append_number(out_, source.accounting.complete);
    out_ += ",\"incomplete\":";
    reasons(source.accounting.incomplete);
    out_ += "},\"dropped\":";
    reasons(source.accounting.dropped);
  }

  void reasons(const std::map<std::string, int64_t>& counts) {
    out_ += '{';
    std::string_view between;
    for (const auto& [reason, count] : counts) {
      out_ += between;
      append_json(out_, reason);
      out_ += ':';
      append_number(out_, count);
      between = ",";
    }
    out_ += '}';
  }

  void functions() {
    out_ += ",\"functions\":[";
    std::string_view between;
    for (const FlameFunction& function : graph_.functions) {
      out_.append(between).append("{\"name\":");
      append_json(out_, function.name);
      out_ += ",\"short\":";
      append_json(out_, function.process ? function.name : short_name(function.name));
      out_ += ",\"file\":";
      append_json(out_, function.file);
      out_ += ",\"mapping\":";
      append_json(out_, function.mapping);
      out_.append(",\"kernel\":").append(function.kernel ? "true" : "false");
      out_.append(function.process ? ",\"process\":true}" : "}");
      between = ",";
    }
    out_ += ']';
  }

  template <typename Get> void column(std::string_view name, Get get) {
    out_.append("\"").append(name).append("\":[");
    for (size_t i = 0; i < graph_.nodes.size(); i++) {
      if (i > 0)
        out_ += ',';
      append_number(out_, get(graph_.nodes[i]));
    }
    out_ += ']';
  }

  void nodes() {
    out_ += ",\"nodes\":{";
    column("parent", [](const FlameNode& node) { return node.parent; });
    out_ += ',';
    column("function", [](const FlameNode& node) { return node.function; });
    out_ += ',';
    column("line", [](const FlameNode& node) { return node.line; });
    out_ += ',';
    column("inlined", [](const FlameNode& node) { return node.inlined ? 1 : 0; });
    out_ += ',';
    column("total", [](const FlameNode& node) { return node.now.total; });
    out_ += ',';
    column("self", [](const FlameNode& node) { return node.now.self; });
    if (graph_.base) {
      out_ += ',';
      column("base_total", [](const FlameNode& node) { return node.base.total; });
      out_ += ',';
      column("base_self", [](const FlameNode& node) { return node.base.self; });
    }
    out_ += '}';
  }

  void comparison(const FlameSource& base) {
    out_ += ",\"base\":{";
    source(base);
    out_ += "},\"functions_changed\":[";
    std::string_view between;
    for (const ShareChange& change : share_changes(graph_)) {
      out_.append(between).append("{\"function\":");
      append_number(out_, change.function);
      out_ += ",\"share\":";
      append_share(out_, change.share);
      out_ += ",\"base_share\":";
      append_share(out_, change.base_share);
      out_ += ",\"change\":";
      append_share(out_, change.change);
      out_ += ",\"interval\":[";
      append_share(out_, change.interval.low);
      out_ += ',';
      append_share(out_, change.interval.high);
      out_.append("],\"significant\":").append(change.significant ? "true}" : "false}");
      between = ",";
    }
    out_ += ']';
  }

  const FlameGraph& graph_;
  std::string out_;
};

} // namespace

std::string flame_graph_json(const FlameGraph& graph) {
  return Writer(graph).write();
}

} // namespace pprofd
