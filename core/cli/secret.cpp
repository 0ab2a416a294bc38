#include "cli/secret.h"

#include <curl/curl.h>

#include <csignal>
#include <optional>
#include <utility>

#include "cli/no_log.h"
#include "gateway/secret_store.h"
#include "ingest/secrets.h"

namespace momento::cli {

namespace {

constexpr int64_t fetch_turn_ms = 100;

// The current version.
Result<SecretValue> fetch_secret(const SecretSource& source, const Environment& environment) {
    const auto env = aws::EnvironmentSnapshot::take(environment);
    SecretSettings settings;
    settings.source = source;
    Warnings warnings;  // "check" tells them
    if (Status resolved = resolve(settings, env, warnings); !resolved) return resolved.error();

    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)std::signal(SIGPIPE, SIG_IGN);
    NoLog log;
    const std::unique_ptr<HttpClient> http = make_http_client();
    SecretStore store(settings, {&system_clock(), &system_random(), &log, http.get()});
    std::optional<aws::SecretVersion> version;
    store.fetch(source.location, aws::SecretStage::current,
                [&version](aws::SecretVersion got) { version.emplace(std::move(got)); });
    while (!version) {  // the client's own timeouts end this
        http->run(fetch_turn_ms);
        store.step();
    }
    if (version->state != aws::SecretVersion::State::found) return Error{version->error};
    return extract_secret(source, version->content);
}

Result<Signer> load_signer(const std::string& text, const Environment& environment) {
    Result<SecretSource> source = SecretSource::parse(text);
    if (!source) return source.error();
    const bool is_stored = source->kind == SecretSource::Kind::secrets_manager;
    Result<SecretValue> secret =
        is_stored ? fetch_secret(*source, environment) : load_secret(*source, environment);
    if (!secret) return secret.error();
    return Signer::create(secret->bytes());
}

}  // namespace

Option secret_option() {
    return {"--secret", "SOURCE",
            "the webhook's signing secret, as momento_webhook_secret takes it: file:PATH, "
            "env:NAME, secretsmanager:ID (a name or ARN; asked with the credentials of the "
            "environment), or the secret itself. One that is given itself can be seen by "
            "everybody on the machine (ps): prefer the others. Of a JSON object its member "
            "\"momentoSecret\" counts, or the one named behind '#' (file:PATH#chat)"};
}

Result<Signer> make_signer(const Given& given, const Console& console) {
    const std::optional<std::string> source = given.text("--secret");
    if (!source) return Error{"\"--secret\" is missing, give file:PATH or env:NAME"};
    Result<Signer> signer = load_signer(*source, console.environment);
    if (!signer) return Error{"--secret: " + signer.error().text};
    return signer;
}

}  // namespace momento::cli
