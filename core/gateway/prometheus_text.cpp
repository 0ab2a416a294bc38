#include "gateway/prometheus_text.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace momento {
namespace {

std::string format(double number) {
    std::array<char, 32> text;
    const bool whole = number == std::floor(number) && number < 9e15;
    std::snprintf(text.data(), text.size(), whole ? "%.0f" : "%.9g", number);
    return text.data();
}

double seconds(uint64_t us) {
    return static_cast<double>(us) / 1e6;
}

}  // namespace

void PrometheusText::family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += "# HELP " + name_ + ' ' + help + "\n# TYPE " + name_ + ' ' + type + '\n';
}

void PrometheusText::sample(Labels labels, uint64_t number) {
    add("", labels, std::to_string(number));
}

void PrometheusText::sample(Labels labels, double number) {
    add("", labels, format(number));
}

void PrometheusText::histogram(Labels labels, const Histogram& histogram) {
    uint64_t count = 0;
    for (size_t i = 0; i < histogram.buckets.size(); ++i) {
        count += histogram.buckets[i].load(std::memory_order_relaxed);
        const std::string bound =
            i < histogram_bounds_us.size() ? format(seconds(histogram_bounds_us[i])) : "+Inf";
        std::vector<Label> bounded = labels;
        bounded.emplace_back("le", bound);
        add("_bucket", bounded, std::to_string(count));
    }
    const uint64_t sum_us = histogram.sum_us.load(std::memory_order_relaxed);
    add("_sum", labels, format(seconds(sum_us)));
    add("_count", labels, std::to_string(count));
}

void PrometheusText::add(const char* suffix, const std::vector<Label>& labels,
                         const std::string& number) {
    text_ += name_;
    text_ += suffix;
    char separator = '{';
    for (const auto& [label, text] : labels) {
        text_ += std::exchange(separator, ',');
        text_ += label;
        text_ += "=\"";
        for (const char c : text) {
            if (c == '\n') {
                text_ += "\\n";
                continue;
            }
            if (c == '"' || c == '\\') text_ += '\\';
            text_ += c;
        }
        text_ += '"';
    }
    if (separator == ',') text_ += '}';
    text_ += ' ' + number + '\n';
}

}  // namespace momento
