// Reads one HTTP/1.1 response (RFC 9112) from the bytes of a connection, piece by piece.
//
// Strict where a mistake could make one answer look like another: malformed lengths, chunks and
// lines are errors. What is odd but harmless is taken, as libcurl takes it (the table of
// tests/unit/http_odd_answers_test.cpp has both side by side), and its connection is not used
// again. Interim responses (1xx) are passed over, trailers too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/client.h"

namespace momento {

class ResponseParser {
  public:
    enum class State {
        incomplete,
        complete,
        malformed,
        too_long,  // head over max_head_bytes, or body over max_response_bytes
    };

    static constexpr size_t max_head_bytes = 64u
                                             << 10;  // with interim responses; trailers alone

    // Fills `response`, which lives as long as this. A header with an odd name stands there
    // without one, and of a value control characters are blanks.
    explicit ResponseParser(HttpResponse& response) : response_(response) {}

    // The connection's next bytes. Nothing may follow a complete response: what does is not
    // read, and keeps may_keep_connection() false.
    State read(std::string_view bytes);

    // The connection has ended. A response may end with it, unless its length was said.
    State end();

    bool has_begun() const { return has_begun_; }

    // Whether another request may go over the same connection. Of a complete response.
    bool may_keep_connection() const { return keeps_connection_; }

  private:
    enum class Part { status, headers, body, chunk_size, chunk, chunk_end, trailers, done };

    State read_lines(std::string_view& bytes);
    State take_line(std::string_view line);
    State take_status(std::string_view line);
    State take_header(std::string_view line);
    State take_trailer(std::string_view line);
    State end_headers();
    bool take_encodings(std::string_view list);
    bool take_lengths(std::string_view list);
    State take_chunk_size(std::string_view line);
    State take_body(std::string_view& bytes);
    State finish();

    HttpResponse& response_;
    Part part_ = Part::status;
    std::string line_;      // the begun one, of which the end is missing
    size_t head_size_ = 0;  // bytes of lines so far
    bool has_begun_ = false;
    bool keeps_connection_ = true;

    // Of the body.
    bool is_chunked_ = false;
    bool has_length_ = false;
    uint64_t length_ = 0;  // with a length: of what is still missing of the body or the chunk
};

}  // namespace momento
