// What nginx finds around it when it starts, reads its configuration again, or only tests it:
// whether workers can reach the spool and the secrets, and where the spool is.
//
// In the master, before it forks.
#pragma once

#include "ngx.h"

namespace momento {

struct MainConf;

// Says at level `error` what it doubts; of a test (nginx -t) as warnings.
void doubt_surroundings(const ngx_cycle_t* cycle, const MainConf& main);

}  // namespace momento
