// Errors as values.
//
// Every operation of core/ that can fail returns a Result. Exceptions do not leave a
// function of core/ except std::bad_alloc, which ends at a thread's outermost function
// or at the module's C boundary.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace momento {

struct Error {
    std::string text;  // lower case, names the thing, the value and the remedy; no full stop
    int code = 0;      // errno where a system call failed, 0 otherwise
};

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::move(value)) {}      // NOLINT: implicit, like std::optional
    Result(Error error) : state_(std::move(error)) {}  // NOLINT

    explicit operator bool() const { return std::holds_alternative<T>(state_); }
    T& operator*() { return std::get<T>(state_); }
    const T& operator*() const { return std::get<T>(state_); }
    T* operator->() { return &std::get<T>(state_); }
    const T* operator->() const { return &std::get<T>(state_); }
    const Error& error() const { return std::get<Error>(state_); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT

    explicit operator bool() const { return !error_; }
    const Error& error() const { return *error_; }

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

// The error of the system call that just failed: "<what>: <strerror>", code = errno.
Error system_error(const std::string& what);

}  // namespace momento
