// momentoctl sign: the signature Momento would send with a body.
#include <ostream>

#include "base/json.h"
#include "cli/command.h"
#include "cli/secret.h"

namespace momento::cli {

namespace {

Result<Outcome> sign(const Given& given, Console& console) {
    if (Status status = check_operands(given.operands(), 0, 0, ""); !status) {
        return status.error();
    }
    Result<Signer> signer = make_signer(given, console);
    if (!signer) return signer.error();

    Result<std::string> body = read_all(console.in);
    if (!body) return body.error();
    const std::string signature = format_signature(signer->sign(*body));
    if (given.flag("--json")) {
        console.out << Json::object().set("signature", Json::string(signature)).dump() << '\n';
    } else {
        console.out << signature << '\n';
    }
    return Outcome::fine;
}

}  // namespace

const Command sign_command{
    "sign",
    "prints the signature of a body",
    {"--secret SOURCE < BODY"},
    R"(Prints the Momento-Signature of the bytes on standard input: HMAC-SHA3-256 over the body
as it is, in lower-case hex. A line break at the end counts; printf '%s' writes none.
)",
    {secret_option()},
    "",
    sign};

}  // namespace momento::cli
