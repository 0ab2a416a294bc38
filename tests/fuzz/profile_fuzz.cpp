// Any bytes as a shared credentials or config file: no crash, and no problem that quotes.
#include <cstdint>
#include <cstdlib>

#include "aws/profile_file.h"

using namespace momento::aws;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (ProfileFileKind kind : {ProfileFileKind::credentials, ProfileFileKind::config}) {
        const ProfileFile file = parse_profile_file(text, kind);
        for (const ProfileProblem& problem : file.problems) {
            // One of a few fixed sentences, about a line that is there.
            if (problem.text.size() > 80 || problem.line == 0 || problem.line > size + 1) {
                std::abort();
            }
        }
        for (const auto& [name, profile] : file.profiles) {
            for (const auto& [setting, value] : profile.settings) {
                if (setting.empty() || file.get(name, setting) != value.value) std::abort();
                if (value.line == 0 || value.line > size + 1) std::abort();
            }
        }
    }
    return 0;
}
