#include "gateway/queue_note.h"

#include <cerrno>
#include <memory>
#include <optional>

#include "base/json.h"
#include "spool/slots.h"

namespace momento {
namespace {

constexpr char file_name[] = "queues";
constexpr char new_name[] = "queues.new";
constexpr char lock_name[] = "queues.lock";
constexpr int64_t note_version = 1;

// Of a form, in JSON.
constexpr struct {
    const char* name;
    std::string LetterForm::*value;
} members[] = {{"destination", &LetterForm::destination},
               {"target", &LetterForm::target},
               {"source", &LetterForm::source},
               {"region", &LetterForm::region}};

std::string encode(const std::vector<LetterForm>& forms) {
    Json queues = Json::array();
    for (const LetterForm& form : forms) {
        Json queue = Json::object();
        for (const auto& [name, value] : members) queue.set(name, Json::string(form.*value));
        queues.append(std::move(queue));
    }
    return Json::object()
        .set("version", Json::integer(note_version))
        .set("queues", std::move(queues))
        .dump();
}

std::optional<std::vector<LetterForm>> decode(const std::string& text) {
    Result<Json> json = Json::parse(text);
    if (!json || json->get("version").as_integer() != note_version) return {};
    const Json queues = json->get("queues");
    if (!queues.is_array()) return {};
    std::vector<LetterForm> forms(queues.size());
    for (size_t i = 0; i < forms.size(); ++i) {
        for (const auto& [name, value] : members) {
            const Json member = queues.at(i).get(name);
            if (!member.as_string()) return {};
            forms[i].*value = *member.as_string();
        }
    }
    return forms;
}

// Null if it is not there.
Result<std::unique_ptr<Directory>> open_letters(FileSystem& files, const std::string& spool,
                                                bool create) {
    auto root = files.open_directory(spool, false);
    if (!root) return root.error();
    auto letters = (*root)->open_directory(dead_letter_directory, create);
    if (!letters && letters.error().code == ENOENT) return std::unique_ptr<Directory>();
    return letters;
}

// Nothing if there is no note.
Result<std::optional<std::string>> read_text(Directory& letters) {
    auto file = letters.open(file_name, Directory::Mode::read);
    if (!file) {
        if (file.error().code == ENOENT) return std::optional<std::string>();
        return file.error();
    }
    Result<uint64_t> size = (*file)->size();
    if (!size) return size.error();
    std::string text(*size, '\0');
    Result<size_t> read = (*file)->read_at(0, text.data(), text.size());
    if (!read) return read.error();
    text.resize(*read);
    return std::optional<std::string>(std::move(text));
}

Status replace(Directory& letters, const std::string& text) {
    Status removed = letters.remove(new_name);
    if (!removed && removed.error().code != ENOENT) return removed;
    auto file = letters.open(new_name, Directory::Mode::create);
    if (!file) return file.error();
    if (Status status = (*file)->write_at(0, text); !status) return status;
    if (Status status = (*file)->sync(); !status) return status;
    if (Status status = letters.rename(new_name, file_name); !status) return status;
    return letters.sync();
}

}  // namespace

Result<bool> write_queue_note(FileSystem& files, const std::string& spool,
                              const std::vector<LetterForm>& forms) {
    auto letters = open_letters(files, spool, !forms.empty());
    if (!letters) return letters.error();
    if (!*letters) return true;
    auto there = read_text(**letters);
    if (!there) return there.error();
    if (!*there && forms.empty()) return true;
    const std::string text = encode(forms);
    if (*there == text) return true;

    auto lock = (*letters)->try_lock(lock_name);
    if (!lock) return lock.error();
    if (!*lock) return false;
    if (Status status = replace(**letters, text); !status) return status.error();
    return true;
}

Result<std::vector<LetterForm>> read_queue_note(FileSystem& files, const std::string& spool) {
    auto letters = open_letters(files, spool, false);
    if (!letters) return letters.error();
    std::vector<LetterForm> none;
    if (!*letters) return none;
    auto text = read_text(**letters);
    if (!text) return text.error();
    if (!*text) return none;
    if (auto forms = decode(**text)) return *std::move(forms);
    return Error{"\"" + spool + '/' + dead_letter_directory + '/' + file_name +
                 "\" is not of this version: use the momentoctl of the version that wrote it, "
                 "or reload nginx, which writes it anew"};
}

}  // namespace momento
