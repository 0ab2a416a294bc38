// libcurl's handles as owners: each is cleaned up by the function that it needs.
#pragma once

#include <curl/curl.h>

#include <memory>

// CURLOPT_QUICK_EXIT: without it a connection that is given up while its name is being
// resolved waits for the resolver.
static_assert(LIBCURL_VERSION_NUM >= 0x075700, "libcurl 7.87 or later is needed");

namespace momento {

template <auto cleanup>
struct CurlCleanup {
    template <class T>
    void operator()(T* handle) const {
        cleanup(handle);
    }
};

using EasyHandle = std::unique_ptr<CURL, CurlCleanup<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, CurlCleanup<curl_multi_cleanup>>;
using ShareHandle = std::unique_ptr<CURLSH, CurlCleanup<curl_share_cleanup>>;

}  // namespace momento
