// The project's version: the only place that says it.
#pragma once

namespace momento {

inline constexpr char version[] = "0.1.0";

}  // namespace momento
