// The option --secret of the commands that sign.
#pragma once

#include "base/result.h"
#include "cli/console.h"
#include "cli/options.h"
#include "ingest/signature.h"

namespace momento::cli {

Option secret_option();

Result<Signer> make_signer(const Given& given, const Console& console);

}  // namespace momento::cli
