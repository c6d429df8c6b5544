// Function names short enough for a table: no parameters, no template arguments, no return type.
//
//   void std::sort<int*>(int*, int*)              std::sort
//   app::run()::{lambda(int)#1}::operator()(int)  app::run::{lambda(int)#1}::operator()
//   <alloc::vec::Vec<T> as core::ops::Drop>::drop <alloc::vec::Vec as core::ops::Drop>::drop
//   main.(*List[go.shape.int]).Push               main.(*List[...]).Push
//
// Names of other languages (Java, Python, JavaScript, kernel symbols) stay as they are, and so does
// a name whose brackets don't match.
#pragma once

#include <string>
#include <string_view>

namespace pprofd {

std::string short_name(std::string_view name);

} // namespace pprofd
