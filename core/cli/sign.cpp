// momentoctl sign: the signature Momento would send with a body.
#include <ostream>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/secret.h"

namespace momento::cli {

namespace {

const std::string help = std::string(R"(usage: momentoctl sign --secret SOURCE < BODY

Prints the Momento-Signature of the bytes on standard input: HMAC-SHA3-256 over the body
as it is, in lower-case hex. A line break at the end counts; printf '%s' writes none.

)") + secret_help;

Result<Outcome> sign(const Arguments& arguments, Console& console) {
    std::optional<std::string> source;
    Options options;
    options.text("--secret", &source);
    Result<Arguments> operands = options.parse(arguments, 0, 0, "");
    if (!operands) return operands.error();

    Result<Signer> signer = make_signer(source, console);
    if (!signer) return signer.error();

    Result<std::string> body = read_all(console.in);
    if (!body) return body.error();
    console.out << format_signature(signer->sign(*body)) << '\n';
    return Outcome::fine;
}

}  // namespace

const Command sign_command{"sign", "prints the signature of a body", help.c_str(), sign};

}  // namespace momento::cli
