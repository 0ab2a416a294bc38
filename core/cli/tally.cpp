#include "cli/tally.h"

#include <algorithm>
#include <ostream>

#include "cli/console.h"

namespace momento::cli {

namespace {

constexpr size_t max_texts = 8;   // of one status
constexpr int no_answer = 1'000;  // sorts behind every status

bool is_success(int status) {
    return status >= 200 && status < 300;
}

void print_indented(std::ostream& out, std::string text) {
    text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
    text.erase(text.find_last_not_of('\n') + 1);
    std::string indent = "    ";
    out << indent;
    for (char c : printable(text)) {
        out << c;
        if (c == '\n') out << indent;
    }
    out << '\n';
}

}  // namespace

void Tally::add(const WebhookAnswer& answer) {
    Line& line = lines_[answer.status == 0 ? no_answer : answer.status];
    line.count++;
    if (is_success(answer.status)) return;
    const std::string& text = answer.status == 0 ? answer.error : answer.body;
    bool known = std::find(line.texts.begin(), line.texts.end(), text) != line.texts.end();
    if (!known && !text.empty() && line.texts.size() < max_texts) line.texts.push_back(text);
}

bool Tally::all_accepted() const {
    return std::all_of(lines_.begin(), lines_.end(),
                       [](const auto& line) { return is_success(line.first); });
}

void Tally::print(std::ostream& out) const {
    for (const auto& [status, line] : lines_) {
        out << (status == no_answer ? "no answer" : std::to_string(status)) << ": "
            << line.count << '\n';
        for (const std::string& text : line.texts) print_indented(out, text);
    }
}

}  // namespace momento::cli
