#include "aws/xml.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/cleanse.h"

namespace momento::aws {
namespace {

constexpr size_t max_document = 65'536;  // bytes; a session token has a few thousand
constexpr size_t max_depth = 8;
constexpr size_t max_elements = 64;

constexpr std::array<std::pair<std::string_view, char>, 5> entities = {
    {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}}};

bool is_name(std::string_view text) {
    return !text.empty() && is_letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_alphanumeric(c) || c == '-' || c == '_' || c == '.' || c == ':';
           });
}

class XmlReader {
  public:
    explicit XmlReader(std::string_view document) : rest_(trim(document)) {}

    // nullptr, or what is wrong.
    const char* read(std::map<std::string, std::string>& leaves) {
        if (rest_.size() > max_document) return "it is too long";
        constexpr std::string_view declaration = "<?xml ";
        if (rest_.substr(0, declaration.size()) == declaration && !take_until("?>")) {
            return "its declaration does not end";
        }
        rest_ = trim(rest_);
        if (rest_.substr(0, 1) != "<") return "it does not begin with an element";
        while (!rest_.empty()) {
            if (const char* problem = read_tag(leaves)) return problem;
            if (open_.empty()) break;
        }
        if (!open_.empty()) return "an element does not end";
        return rest_.empty() ? nullptr : "something stands behind its root element";
    }

  private:
    // A tag and the text in front of it.
    const char* read_tag(std::map<std::string, std::string>& leaves) {
        auto text = take_until("<");
        if (!text) return "an element does not end";
        // Quotes may hold a '>', but not in what AWS sends.
        auto tag = take_until(">");
        if (!tag || tag->empty()) return "a tag does not end";
        if (tag->front() == '!' || tag->front() == '?') return "it holds more than elements";
        if (tag->front() == '/') return close(trim(tag->substr(1)), *text, leaves);

        if (!trim(*text).empty()) return "text stands beside an element";
        bool is_empty = tag->back() == '/';
        if (is_empty) tag->remove_suffix(1);
        std::string_view name = tag->substr(0, tag->find_first_of(" \t\r\n"));
        if (!is_name(name)) return "an element has no name";
        if (open_.size() == max_depth || ++elements_ > max_elements) {
            return "it has too many elements";
        }
        if (!open_.empty()) open_.back().is_leaf = false;
        open_.push_back({name, true});
        return is_empty ? close(name, {}, leaves) : nullptr;
    }

    const char* close(std::string_view name, std::string_view text,
                      std::map<std::string, std::string>& leaves) {
        if (open_.empty() || open_.back().name != name) return "its tags do not match";
        if (open_.back().is_leaf) {
            leaves.emplace(path(), trim(text));
        } else if (!trim(text).empty()) {
            return "text stands beside an element";
        }
        open_.pop_back();
        return nullptr;
    }

    std::string path() const {
        std::string path;
        for (const Element& element : open_) {
            if (!path.empty()) path += '/';
            path += element.name;
        }
        return path;
    }

    // What stands before the next `mark`, which is taken off too.
    std::optional<std::string_view> take_until(std::string_view mark) {
        size_t end = rest_.find(mark);
        if (end == rest_.npos) return {};
        std::string_view taken = rest_.substr(0, end);
        rest_.remove_prefix(end + mark.size());
        return taken;
    }

    struct Element {
        std::string_view name;
        bool is_leaf;
    };

    std::string_view rest_;
    std::vector<Element> open_;
    size_t elements_ = 0;
};

}  // namespace

Result<XmlLeaves> XmlLeaves::read(std::string_view document) {
    XmlLeaves leaves;
    if (const char* problem = XmlReader(document).read(leaves.raw_)) {
        return Error{std::string("the answer is not the XML expected: ") + problem};
    }
    return leaves;
}

XmlLeaves::~XmlLeaves() {
    for (auto& leaf : raw_) cleanse(leaf.second);
}

std::optional<std::string> XmlLeaves::text(const std::string& path) const {
    auto leaf = raw_.find(path);
    if (leaf == raw_.end()) return {};
    std::string text;
    text.reserve(leaf->second.size());  // grows no copies that nobody cleanses
    for (std::string_view rest = leaf->second; !rest.empty();) {
        if (rest.front() != '&') {
            text += rest.front();
            rest.remove_prefix(1);
            continue;
        }
        const auto* entity = std::find_if(entities.begin(), entities.end(), [&](const auto& e) {
            return rest.substr(0, e.first.size()) == e.first;
        });
        if (entity == entities.end()) return {};
        text += entity->second;
        rest.remove_prefix(entity->first.size());
    }
    return text;
}

}  // namespace momento::aws
