// Writes Prometheus text exposition format 0.0.4: families, and the samples in each.
//
// Names of metrics and labels are constants; what stands in labels is escaped.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metrics.h"

namespace momento {

class PrometheusText {
  public:
    using Label = std::pair<const char*, std::string_view>;
    using Labels = std::initializer_list<Label>;

    // `type`: "counter", "gauge" or "histogram". What follows belongs to it.
    void family(const char* name, const char* type, const char* help);

    void sample(Labels labels, uint64_t number);
    void sample(Labels labels, double number);
    void histogram(Labels labels, const Histogram& histogram);  // seconds

    std::string take() { return std::move(text_); }

  private:
    void add(const char* suffix, const std::vector<Label>& labels, const std::string& number);

    std::string name_;
    std::string text_;
};

}  // namespace momento
