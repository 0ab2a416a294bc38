// Streams at which something happens: a person who takes time to answer, a line that is read
// while the command goes on.
#pragma once

#include <functional>
#include <sstream>
#include <string>
#include <utility>

namespace momento {

// Input that is made when it is first asked for.
class LateInput : public std::streambuf {
  public:
    explicit LateInput(std::function<std::string()> make) : make_(std::move(make)) {}

  protected:
    int underflow() override {
        if (make_ == nullptr) return traits_type::eof();
        text_ = std::exchange(make_, nullptr)();
        setg(text_.data(), text_.data(), text_.data() + text_.size());
        return text_.empty() ? traits_type::eof() : traits_type::to_int_type(text_[0]);
    }

  private:
    std::function<std::string()> make_;
    std::string text_;
};

// Output; once it holds `text`, `seen` runs, one time.
class WatchedOutput : public std::stringbuf {
  public:
    WatchedOutput(std::string text, std::function<void()> seen)
        : text_(std::move(text)), seen_(std::move(seen)) {}

  protected:
    int sync() override {
        if (seen_ != nullptr && str().find(text_) != std::string::npos) {
            std::exchange(seen_, nullptr)();
        }
        return 0;
    }

  private:
    const std::string text_;
    std::function<void()> seen_;
};

}  // namespace momento
