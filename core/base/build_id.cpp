#include "base/build_id.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace momento {
namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Note = ElfW(Nhdr);

constexpr std::string_view gnu("GNU", 4);  // with its zero
constexpr size_t max_notes = 64 * 1024;    // bytes; there are some hundred
constexpr size_t max_segments = 256;

size_t padded(size_t size) {
    return (size + 3) & ~size_t{3};
}

// The build ID among a segment's notes; empty: there is none.
std::string find_build_id(std::string_view notes) {
    Note note;
    while (notes.size() >= sizeof note) {
        std::memcpy(&note, notes.data(), sizeof note);
        notes.remove_prefix(sizeof note);
        const size_t size = padded(note.n_namesz) + padded(note.n_descsz);
        if (size > notes.size()) break;
        if (note.n_type == NT_GNU_BUILD_ID && notes.substr(0, note.n_namesz) == gnu) {
            return std::string(notes.substr(padded(note.n_namesz), note.n_descsz));
        }
        notes.remove_prefix(size);
    }
    return {};
}

// --- in memory

struct Search {
    uintptr_t address = 0;
    LoadedBuild found;
};

bool holds(const dl_phdr_info& object, uintptr_t address) {
    return std::any_of(object.dlpi_phdr, object.dlpi_phdr + object.dlpi_phnum,
                       [&](const Segment& segment) {
                           const uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
                           return segment.p_type == PT_LOAD && address >= begin &&
                                  address - begin < segment.p_memsz;
                       });
}

std::string path_of_program() {
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    std::string_view name(path, size > 0 ? static_cast<size_t>(size) : 0);
    constexpr std::string_view replaced = " (deleted)";
    if (name.size() > replaced.size() &&
        name.substr(name.size() - replaced.size()) == replaced) {
        name.remove_suffix(replaced.size());
    }
    return std::string(name);
}

int look_at(dl_phdr_info* object, size_t, void* data) {
    Search& search = *static_cast<Search*>(data);
    if (!holds(*object, search.address)) return 0;
    const bool is_program = object->dlpi_name == nullptr || *object->dlpi_name == '\0';
    search.found.path = is_program ? path_of_program() : object->dlpi_name;
    for (size_t i = 0; i < object->dlpi_phnum && search.found.id.empty(); ++i) {
        const Segment& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_NOTE) continue;
        const auto* notes = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
        search.found.id = find_build_id({notes, segment.p_memsz});
    }
    return 1;
}

// --- in a file

Error bad(const std::string& path, const std::string& what, int code = 0) {
    return {'"' + path + "\": " + what, code};
}

// Exactly so much, or nothing.
bool read_at(const Descriptor& file, uint64_t offset, void* to, size_t size) {
    const ssize_t got =
        retry([&] { return pread(file.get(), to, size, static_cast<off_t>(offset)); });
    return got >= 0 && static_cast<size_t>(got) == size;
}

std::optional<std::vector<Segment>> read_segments(const Descriptor& file) {
    Header header;
    if (!read_at(file, 0, &header, sizeof header)) return {};
    constexpr unsigned char word = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
    const bool is_ours =
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == word &&
        header.e_phentsize == sizeof(Segment) && header.e_phnum <= max_segments;
    if (!is_ours) return {};
    std::vector<Segment> segments(header.e_phnum);
    if (!read_at(file, header.e_phoff, segments.data(), segments.size() * sizeof(Segment))) {
        return {};
    }
    return segments;
}

}  // namespace

LoadedBuild loaded_build() {
    Search search;
    search.address = reinterpret_cast<uintptr_t>(&loaded_build);
    dl_iterate_phdr(look_at, &search);
    return search.found;
}

Result<std::string> build_id_of(const std::string& path) {
    const Descriptor file(
        retry([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
    if (!file) return bad(path, std::strerror(errno), errno);
    const auto segments = read_segments(file);
    if (!segments) return bad(path, "is no ELF file of this machine's kind");
    for (const Segment& segment : *segments) {
        if (segment.p_type != PT_NOTE) continue;
        std::string notes(std::min<size_t>(segment.p_filesz, max_notes), '\0');
        if (!read_at(file, segment.p_offset, notes.data(), notes.size())) {
            return bad(path, "ends early");
        }
        std::string id = find_build_id(notes);
        if (!id.empty()) return id;
    }
    return std::string();
}

}  // namespace momento
