// The option --secret of the commands that sign.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/console.h"
#include "ingest/signature.h"

namespace momento::cli {

// What --help says about it.
inline constexpr char secret_help[] =
    "  --secret SOURCE    the webhook's signing secret, as momento_webhook_secret takes it:\n"
    "                     file:PATH, env:NAME, secretsmanager:ID (a name or ARN; asked\n"
    "                     with the credentials of the environment), or the secret itself.\n"
    "                     One that is given itself can be seen by everybody on the machine\n"
    "                     (ps): prefer the others. Of a JSON object its member\n"
    "                     \"momentoSecret\" counts, or the one named behind '#'\n"
    "                     (file:PATH#chat)\n";

Result<Signer> make_signer(const std::optional<std::string>& source, const Console& console);

}  // namespace momento::cli
