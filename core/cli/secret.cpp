#include "cli/secret.h"

#include "ingest/secrets.h"

namespace momento::cli {

namespace {

Result<Signer> load_signer(const std::string& text, const Environment& environment) {
    Result<SecretSource> source = SecretSource::parse(text);
    if (!source) return source.error();
    if (source->kind == SecretSource::Kind::secrets_manager) {
        return Error{"\"" + source->name() +
                     "\" cannot be read here, put the secret in a file and give file:PATH"};
    }
    Result<SecretValue> secret = load_secret(*source, environment);
    if (!secret) return secret.error();
    return Signer::create(secret->bytes());
}

}  // namespace

Result<Signer> make_signer(const std::optional<std::string>& source, const Console& console) {
    if (!source) return Error{"\"--secret\" is missing, give file:PATH or env:NAME"};
    Result<Signer> signer = load_signer(*source, console.environment);
    if (!signer) return Error{"--secret: " + signer.error().text};
    return signer;
}

}  // namespace momento::cli
