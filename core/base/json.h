// JSON for everything that is not hot: AWS answers, credentials, secrets, status.
//
// A Json is one counted reference to a jansson value, or to nothing ("absent"). Copies
// share the value. Reading never fails: what is not there, or has another type, is absent
// or std::nullopt, so a chain of get() needs one check at its end. A value is built and
// changed by one thread; once built, any thread may read and drop its own copy.
#pragma once

#include <jansson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace momento {

class Json {
  public:
    // One object or array (RFC 8259), nothing but white space behind it. Of a member that
    // appears twice the last one counts. The error says where, and never quotes the text.
    static Result<Json> parse(std::string_view text);

    static Json object();
    static Json array();
    static Json string(std::string_view text);  // bytes that are not UTF-8 become '?'
    static Json integer(int64_t value);
    static Json real(double value);  // null if JSON cannot write it (NaN, infinity)
    static Json boolean(bool value);
    static Json null();

    Json() = default;  // absent
    Json(const Json& other) : value_(json_incref(other.value_)) {}
    Json(Json&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
    Json& operator=(Json other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Json() { json_decref(value_); }

    explicit operator bool() const { return value_ != nullptr; }  // not absent
    bool is_object() const { return json_is_object(value_); }
    bool is_array() const { return json_is_array(value_); }
    bool is_null() const { return json_is_null(value_); }

    Json get(const char* name) const;  // an object's member
    Json at(size_t index) const;       // an array's element
    size_t size() const;               // members or elements; 0 for everything else

    // The view lives as long as any Json that holds the value, or the tree around it.
    std::optional<std::string_view> as_string() const;
    std::optional<int64_t> as_integer() const;
    std::optional<double> as_real() const;  // integers count
    std::optional<bool> as_boolean() const;

    // Build a tree: `Json::object().set("a", …).set("b", …)`. Members keep their order. An
    // absent value is left out.
    Json& set(const char* name, Json value);
    Json& append(Json value);

    std::string dump() const;  // compact; empty if absent

  private:
    explicit Json(json_t* owned) : value_(owned) {}
    static Json made(json_t* owned);  // std::bad_alloc if jansson had no memory
    json_t* release() { return std::exchange(value_, nullptr); }

    json_t* value_ = nullptr;
};

}  // namespace momento
