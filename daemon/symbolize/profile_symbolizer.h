// Names for one profile after the other: finds each mapping's file, has the worker name the
// addresses in it, and puts functions and lines into the profile, as a recording does that names
// them at once. A file that several profiles have is found and asked once.
//
// Left as they are: the kernel's addresses, which are another boot's; code in no file; mappings
// that have functions, or of which no file is found. One thread; blocks.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/profile/naming.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/symbolize/executable_search.h"
#include "daemon/symbols/file_names.h"
#include "daemon/symbols/index_builder.h"
#include "daemon/symbols/name_source.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

class Debuginfod;

// What came of a profile.
struct SymbolizedProfile {
  struct Missing {
    std::string file;
    std::string why;
  };
  size_t nameless = 0;          // addresses in files, without functions before
  size_t named = 0;             // of them
  size_t changed = 0;           // of them, those that got a name or at least say where they are
  std::vector<Missing> missing; // files without names, or not with all that they should have

  void add_missing(const std::string& file, const std::string& why); // each once
};

class ProfileSymbolizer {
public:
  // `debug_folders`: absolute, see ExecutableSearch. `indexes`: where those of files are kept.
  // `servers`, of debuginfod, must outlive this; nullptr: none.
  ProfileSymbolizer(symbolizer::DemangleStyle demangle,
                    const std::vector<std::string>& debug_folders,
                    std::optional<IndexCache> indexes, Debuginfod* servers);

  // The profile hangs together (check_consistent).
  SymbolizedProfile symbolize(perftools::profiles::Profile& profile);

  // Waits for the indexes that are made beside it, for the next time.
  void finish();

private:
  // A file, or why there is none, and the names asked for so far.
  struct Source {
    Result<FoundExecutable> found;
    FileNames names;
  };

  Source& source_of(const WantedExecutable& wanted);
  void ask(Source& source, std::vector<FileOffset> offsets);
  void name_mapping(const perftools::profiles::Profile& profile, const NamelessMapping& nameless,
                    ProfileNaming& naming, SymbolizedProfile& outcome);
  static void name_location(int location, std::string_view path, const FileNames& names,
                            const NamedAddress& address, ProfileNaming& naming,
                            SymbolizedProfile& outcome);

  symbolizer::WorkerClient client_;
  ExecutableSearch search_;
  std::optional<IndexCache> indexes_;
  std::unique_ptr<IndexBuilder> builder_; // nullptr: none are made
  NameSource names_;
  std::map<std::string, Source> sources_; // by path and build id
};

} // namespace pprofd
