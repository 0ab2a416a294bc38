// Known signatures: HMAC-SHA3-256 in lower-case hex over the raw body, keyed with the
// secret's UTF-8 bytes. The first is the vendor SDK's own test vector; the others were
// computed independently of this code, with Python's hashlib.
#pragma once

#include <string>
#include <vector>

namespace momento {

struct SignatureVector {
    std::string name;
    std::string secret;
    std::string body;
    std::string signature;
};

inline const std::vector<SignatureVector>& signature_vectors() {
    // Not an event, and changed by any parser that writes it again: spaces inside.
    static const std::string spaced =
        R"({"text":"some text", "another_field": "another field" })";
    static const std::string documented =
        R"({"cache":"chat","topic":"room-281","event_timestamp":1704296470564,)"
        R"("publish_timestamp":1704296470565,"topic_sequence_number":1,)"
        R"("token_id":"mo-the-squirrel","text":"Here I am!!"})";
    static const std::string eventbridge_sample =
        R"({"cache":"sample-a","topic":"sample-a","event_timestamp":1705157775308,)"
        R"("publish_timestamp":1705157775308,"topic_sequence_number":2,"token_id":"",)"
        R"("text":"{\"someKey\":\"someValue\"}"})";
    static const std::string captured =
        R"({"cache":"serverless","topic":"test","event_timestamp":1726292279849,)"
        R"("publish_timestamp":1726292279850,"topic_sequence_number":3,"token_id":"",)"
        R"("text":"\"testfile2.txt\""})";

    static const std::vector<SignatureVector> vectors = {
        {"momento-sdk", "1234567890", spaced,
         "b43f72787eb66410ff110295b036ef828e5686af21b414ce092f02c05deea3da"},
        {"doc-sample", "1234567890", documented,
         "f79476b5e839694c5384af0931aaf905b9ae352b7ae9fa5676049276e9f0b89c"},
        {"eventbridge-sample", "1234567890", eventbridge_sample,
         "7d7941250eb026a25c37e658429e7195d940768673aa3d7c688f585b97291938"},
        {"real-capture", "1234567890", captured,
         "8935c8c47617515fddee11df595023d9255927989ce47155de4585f955047fd9"},
        {"empty-body", "1234567890", "",
         "59d953a11c9670613ffa87ba1946ee25e3d2b0ed8085dcd13f7b84938f4b62f0"},
        // One byte more, another signature.
        {"trailing-newline", "1234567890", documented + "\n",
         "833bf92ea8c1a660c0bd6d8b03b59bd7fae4ccae5df5af6d936b3c9279c2ad3e"},
        // As long as SHA3-256's block, and longer: then the key is hashed first.
        {"key-136", std::string(136, 'k'), documented,
         "8854c8b417d739de7b9b36fb7881af354a2e45fe5deb56d4adbb131ac1c0c0f8"},
        {"key-137", std::string(137, 'k'), documented,
         "5ef0877d11abfdd52ba20a75d45bcf12f7fe70cc60717015c5f1002b8e4f361c"},
        {"key-utf8", "s\303\251cret", spaced,
         "72edeb08bd05c805ab6caea6608cb7dad9cf326522272ecda4f67eb6a06849cd"},
    };
    return vectors;
}

}  // namespace momento
