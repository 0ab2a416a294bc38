// A request's method and headers: checked, and as libcurl wants to read them.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace momento {

// A header value could otherwise smuggle in a header, or a whole request.
Status check_request(const HttpRequest& request);

// The lines, in one piece of memory, as the list that libcurl reads. In its syntax: "name:
// value", "name;" for an empty value, "name:" to leave a header of its own out.
class HeaderLines {
  public:
    explicit HeaderLines(const HttpRequest& request);
    HeaderLines(const HeaderLines&) = delete;
    HeaderLines& operator=(const HeaderLines&) = delete;

    curl_slist* list() { return nodes_.data(); }  // lives as long as this does

  private:
    void append(std::string_view name, std::string_view mark, std::string_view value);

    std::string text_;
    std::vector<size_t> offsets_;
    std::vector<curl_slist> nodes_;
};

}  // namespace momento
