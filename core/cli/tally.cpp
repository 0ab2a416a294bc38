#include "cli/tally.h"

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "base/clock.h"
#include "base/json.h"
#include "cli/console.h"

namespace momento::cli {

namespace {

constexpr size_t max_texts = 8;     // of one status
constexpr int64_t told_from_s = 5;  // a second is a Date's own
constexpr int no_answer = 1'000;    // sorts behind every status

bool is_success(int status) {
    return status >= 200 && status < 300;
}

std::string name_of(int status) {
    return status == no_answer ? "no answer" : std::to_string(status);
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
    if (answer.server_ms != 0) {
        ahead_s_ = (answer.server_ms - system_clock().wall_ms()) / 1'000;
    }
    if (is_success(answer.status)) return;
    const std::string& text = answer.status == 0 ? answer.error : answer.body;
    bool known = std::find(line.texts.begin(), line.texts.end(), text) != line.texts.end();
    if (!known && !text.empty() && line.texts.size() < max_texts) line.texts.push_back(text);
}

bool Tally::all_accepted() const {
    return std::all_of(lines_.begin(), lines_.end(),
                       [](const auto& line) { return is_success(line.first); });
}

uint64_t Tally::total() const {
    uint64_t sum = 0;
    for (const auto& [status, line] : lines_) sum += line.count;
    return sum;
}

std::string Tally::summary() const {
    std::string text;
    for (const auto& [status, line] : lines_) {
        text +=
            (text.empty() ? "" : ", ") + name_of(status) + ": " + std::to_string(line.count);
    }
    return text;
}

std::string Tally::advice(bool is_given) const {
    if (lines_.count(403) == 0) return "";
    std::string text = "403: the secret, or the clock? Look whether --secret is this webhook's";
    if (std::abs(ahead_s_) >= told_from_s) {
        text += "; this machine's clock is " + std::to_string(std::abs(ahead_s_)) + " s " +
                (ahead_s_ > 0 ? "behind" : "ahead of") + " the server's";
    } else if (is_given) {
        text += ", and how old the body's publish_timestamp is";
    }
    return text;
}

void Tally::print(std::ostream& out) const {
    for (const auto& [status, line] : lines_) {
        out << name_of(status) << ": " << line.count << '\n';
        for (const std::string& text : line.texts) print_indented(out, text);
    }
}

void Tally::print_json(std::ostream& out) const {
    Json answers = Json::array();
    for (const auto& [status, line] : lines_) {
        Json texts = Json::array();
        for (const std::string& text : line.texts) texts.append(Json::string(text));
        answers.append(Json::object()
                           .set("status", status == no_answer ? Json() : Json::integer(status))
                           .set("count", Json::integer(static_cast<int64_t>(line.count)))
                           .set("texts", texts));
    }
    out << Json::object().set("answers", answers).dump() << '\n';
}

}  // namespace momento::cli
