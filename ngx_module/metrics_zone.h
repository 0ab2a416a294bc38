// The shared memory that holds core's SharedMetrics.
//
// One zone of a fixed size: nginx keeps it over reloads, whatever the configuration says
// then. Made and filled with names by the master; counted in by the workers.
#pragma once

#include "gateway/shared_metrics.h"
#include "ngx.h"

namespace momento {

struct MainConf;

inline constexpr char metrics_zone_name[] = "momento_metrics";

// While the configuration is read. The memory is there when init_module runs.
ngx_int_t add_metrics_zone(ngx_conf_t* cf, MainConf& main);

}  // namespace momento
