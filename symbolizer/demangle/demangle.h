// Readable names. C++ (Itanium ABI) and D by LLVM's demangler, so that names read as
// llvm-symbolizer prints them; Rust, v0 and legacy, by libiberty's, which takes the hash off legacy
// names. Measured on 107,847 names of libLLVM, libclang and libstdc++: libiberty prints 18 % of
// them differently (`> >`, lambdas), fails on 0.3 %, on all above 1,024 bytes, and takes twice the
// time.
//
// Names may be anybody's: they are bounded in length, and with it in depth of recursion. A name
// that expands beyond all memory ends the process, as LLVM has it: only for the worker. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pprofd::symbolizer {

enum class NameStyle {
  kFull,      // as llvm-symbolizer prints
  kTemplates, // no parameters, no return type
  kSimple,    // no template arguments either
  kNone,      // the name as it is
};

// A name cannot nest deeper than it is long; LLVM's demangler was measured to take less than 600
// bytes of stack for each byte of a name.
inline constexpr size_t kStackPerByte = 2048;
// What is safe on the usual stack of 8 MB.
inline constexpr size_t kMaxMangled = 4096;
// Longer results are cut there and marked with `...`.
inline constexpr size_t kMaxDemangled = 64 << 10;

// The readable form of `mangled`, or `mangled` itself where it is none, or is longer than
// `max_length`. A suffix `@plt` stays.
std::string demangle(std::string_view mangled, NameStyle style, size_t max_length = kMaxMangled);

// Takes parameter lists off a demangled C++ name without its own parameters: those of enclosing
// functions (`f(int)::'lambda'(int)::operator()`). With `templates` false template arguments too.
// Total: any text goes in.
std::string shorten_cxx(std::string_view name, bool templates);

// Takes generic arguments off a demangled Rust name: `a::f::<T>` and `a::f<T>`, not `<T as U>::f`.
std::string shorten_rust(std::string_view name);

} // namespace pprofd::symbolizer
