// A flame graph as the JSON of /api/v1/flamegraph and /api/v1/diff, which the page and its one-file
// form read: one object, no line ends.
//
//   {"type":"cpu","unit":"nanoseconds","profiles":1,"samples":990,"total":9999999900,
//    "frequency":99,"stacks":{"complete":989,"incomplete":{"no_row":1}},"dropped":{},"cut":0,
//    "functions":[{"name":"std::vector<int>::at(unsigned long)","short":"std::vector::at",
//                  "file":"vector.h","mapping":"/usr/bin/app","kernel":false}, …],
//    "nodes":{"parent":[-1,0,…],"function":[-1,0,…],"line":[…],"inlined":[0,1,…],
//             "total":[…],"self":[…]}}
//
// A function that stands for a process has "process":true. A comparison also has "base" (profiles,
// samples, total, frequency, stacks, dropped), nodes.base_total, nodes.base_self and
// "functions_changed" (changes.h), each
//   {"function":0,"share":0.5,"base_share":0.1,"change":0.4,"interval":[0.3,0.5],
//    "significant":true}
#pragma once

#include <string>

#include "daemon/profile/flamegraph/flame_graph.h"

namespace pprofd {

std::string flame_graph_json(const FlameGraph& graph);

} // namespace pprofd
