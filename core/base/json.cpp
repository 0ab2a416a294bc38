#include "base/json.h"

#include <cmath>
#include <new>

namespace momento {

Result<Json> Json::parse(std::string_view text) {
    json_error_t error;
    json_t* value = json_loadb(text.data(), text.size(), JSON_ALLOW_NUL, &error);
    if (value == nullptr) {
        // error.text quotes the input, and the input may be a secret.
        return Error{"not a JSON object or array, at byte " + std::to_string(error.position)};
    }
    return Json(value);
}

Json Json::made(json_t* owned) {
    if (owned == nullptr) throw std::bad_alloc();
    return Json(owned);
}

Json Json::object() {
    return made(json_object());
}
Json Json::array() {
    return made(json_array());
}
Json Json::integer(int64_t value) {
    return made(json_integer(value));
}
Json Json::boolean(bool value) {
    return made(json_boolean(value));
}
Json Json::null() {
    return made(json_null());
}

Json Json::real(double value) {
    return std::isfinite(value) ? made(json_real(value)) : null();
}

Json Json::string(std::string_view text) {
    if (json_t* value = json_stringn(text.data(), text.size())) return Json(value);
    std::string ascii(text);
    for (char& c : ascii) {
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
    return made(json_stringn(ascii.data(), ascii.size()));
}

Json Json::get(const char* name) const {
    return Json(json_incref(json_object_get(value_, name)));
}

Json Json::at(size_t index) const {
    return Json(json_incref(json_array_get(value_, index)));
}

size_t Json::size() const {
    return is_array() ? json_array_size(value_) : json_object_size(value_);
}

std::optional<std::string_view> Json::as_string() const {
    if (!json_is_string(value_)) return std::nullopt;
    return std::string_view(json_string_value(value_), json_string_length(value_));
}

std::optional<int64_t> Json::as_integer() const {
    if (!json_is_integer(value_)) return std::nullopt;
    return json_integer_value(value_);
}

std::optional<double> Json::as_real() const {
    if (!json_is_number(value_)) return std::nullopt;
    return json_number_value(value_);
}

std::optional<bool> Json::as_boolean() const {
    if (!json_is_boolean(value_)) return std::nullopt;
    return json_is_true(value_);
}

Json& Json::set(const char* name, Json value) {
    if (value) json_object_set_new(value_, name, value.release());
    return *this;
}

Json& Json::append(Json value) {
    if (value) json_array_append_new(value_, value.release());
    return *this;
}

std::string Json::dump() const {
    std::string text;
    auto append = [](const char* data, size_t size, void* to) {
        static_cast<std::string*>(to)->append(data, size);
        return 0;
    };
    if (value_ != nullptr)
        json_dump_callback(value_, append, &text, JSON_COMPACT | JSON_REAL_PRECISION(15));
    return text;
}

}  // namespace momento
