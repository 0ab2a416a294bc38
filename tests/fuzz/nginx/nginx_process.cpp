#include "nginx_process.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string_view>

extern "C" {

int nginx_main(int argc, char* const* argv);

ngx_pool_t* __real_ngx_create_pool(size_t size, ngx_log_t* log);
void __real_ngx_destroy_pool(ngx_pool_t* pool);

// Called by nginx.

void __wrap_ngx_single_process_cycle(ngx_cycle_t* cycle);
ngx_int_t __wrap_ngx_init_signals(ngx_log_t* log);
void __wrap_ngx_log_error_core(ngx_uint_t level, ngx_log_t* log, ngx_err_t error,
                               const char* format, ...);
ngx_pool_t* __wrap_ngx_create_pool(size_t size, ngx_log_t* log);
void __wrap_ngx_destroy_pool(ngx_pool_t* pool);

// What nginx allocates once and keeps, or loses, until it ends.
const char* __lsan_default_suppressions() {
    return "leak:ngx_init_setproctitle\nleak:ngx_event_process_init\nleak:ngx_regex_malloc\n";
}
}

namespace fuzz {

namespace {

std::string directory;
std::vector<std::string> errors;

bool watching;
std::vector<ngx_pool_t*> pools;  // made while watching, oldest first

uint64_t add_to_hash(uint64_t hash, char c) {
    return (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;  // FNV-1a
}

void end_nginx() {
    for (ngx_uint_t i = 0; ngx_cycle->modules[i] != nullptr; ++i) {
        const ngx_module_t* module = ngx_cycle->modules[i];
        if (module->exit_process) module->exit_process(const_cast<ngx_cycle_t*>(ngx_cycle));
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
}

}  // namespace

bool holds_secret(std::string_view text) {
    static const uint64_t wanted =
        std::accumulate(secret, secret + secret_length, uint64_t{0}, add_to_hash);
    for (size_t at = 0; at + secret_length <= text.size(); ++at) {
        const char* from = text.data() + at;
        if (std::accumulate(from, from + secret_length, uint64_t{0}, add_to_hash) == wanted) {
            return true;
        }
    }
    return false;
}

void fail(const std::string& what) {
    std::fprintf(stderr, "broken promise: %s\n", what.c_str());
    std::abort();
}

void require(bool promise, const char* what) {
    if (!promise) fail(what);
}

void write_file(const std::string& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content;
    require(file.good(), "a file can be written");
}

const std::string& start_nginx(const std::string& configuration) {
    std::string name =
        (std::filesystem::temp_directory_path() / "momento-fuzz-XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr, "there is a temporary directory");
    directory = name;

    std::string text =
        "daemon off; master_process off; error_log /dev/null info;"
        "pid %%DIR%%/pid;" +
        configuration;
    const std::string word = "%%DIR%%";
    for (size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
        text.replace(at, word.size(), directory);
    }
    const std::string path = directory + "/nginx.conf";
    write_file(path, text);

    static std::vector<std::string> words = {"nginx", "-p", directory,  "-c",
                                             path,    "-e", "/dev/null"};
    static std::vector<char*> arguments;
    for (std::string& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);

    // nginx makes its log of it.
    const int own_stderr = dup(STDERR_FILENO);
    const int status = nginx_main(static_cast<int>(words.size()), arguments.data());
    dup2(own_stderr, STDERR_FILENO);
    close(own_stderr);
    if (status != 0) fail(errors.empty() ? "nginx starts" : errors.front());
    std::atexit(end_nginx);
    return directory;
}

std::vector<std::string> take_errors() {
    return std::exchange(errors, {});
}

PoolWatch::PoolWatch() {
    watching = true;
}

PoolWatch::~PoolWatch() {
    while (!pools.empty()) __wrap_ngx_destroy_pool(pools.back());
    watching = false;
}

}  // namespace fuzz

using namespace fuzz;

// As nginx's own, but it returns instead of running the loop; and so does main().
void __wrap_ngx_single_process_cycle(ngx_cycle_t* cycle) {
    for (ngx_uint_t i = 0; cycle->modules[i] != nullptr; ++i) {
        const ngx_module_t* module = cycle->modules[i];
        if (module->init_process) {
            require(module->init_process(cycle) == NGX_OK, "every module starts");
        }
    }
}

// The others are libFuzzer's.
ngx_int_t __wrap_ngx_init_signals(ngx_log_t*) {
    std::signal(SIGPIPE, SIG_IGN);
    return NGX_OK;
}

void __wrap_ngx_log_error_core(ngx_uint_t level, ngx_log_t*, ngx_err_t, const char* format,
                               ...) {
    u_char line[NGX_MAX_ERROR_STR];
    va_list arguments;
    va_start(arguments, format);
    const u_char* end = ngx_vslprintf(line, line + sizeof line, format, arguments);
    va_end(arguments);
    std::string text(static_cast<const u_char*>(line), end);
    require(!holds_secret(text), "no secret is logged");
    if (level == NGX_LOG_ALERT) fail("no alert: " + text);
    if (level <= NGX_LOG_EMERG) errors.push_back(std::move(text));
}

ngx_pool_t* __wrap_ngx_create_pool(size_t size, ngx_log_t* log) {
    ngx_pool_t* pool = __real_ngx_create_pool(size, log);
    if (watching && pool != nullptr) pools.push_back(pool);
    return pool;
}

void __wrap_ngx_destroy_pool(ngx_pool_t* pool) {
    if (watching) pools.erase(std::remove(pools.begin(), pools.end(), pool), pools.end());
    __real_ngx_destroy_pool(pool);
}
