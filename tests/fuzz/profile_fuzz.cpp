// Any bytes as a shared credentials or config file: no crash, and no error that quotes.
#include <cstdint>
#include <cstdlib>

#include "aws/profile_file.h"

using namespace momento::aws;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (ProfileFileKind kind : {ProfileFileKind::credentials, ProfileFileKind::config}) {
        auto file = parse_profile_file(text, kind);
        if (!file) {
            // "line N: " and one of a few fixed sentences.
            if (file.error().text.size() > 80) std::abort();
            continue;
        }
        for (const auto& profile : file->profiles) {
            for (const auto& [name, value] : profile.second) {
                if (name.empty() || file->get(profile.first, name) != value) std::abort();
            }
        }
    }
    return 0;
}
