#include "spool/record.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "base/bytes.h"
#include "base/hex.h"
#include "spool/cursor.h"
#include "spool/segment.h"

namespace momento {
namespace {

Salt salt(uint8_t first = 1) {
    Salt salt;
    std::iota(salt.begin(), salt.end(), first);
    return salt;
}

Record full_record() {
    Record record;
    record.kind = RecordKind::dead_letter;
    record.origin = Origin::redrive;
    record.accepted_ms = 0x0102030405060708;
    record.publish_ms = -2;
    std::iota(record.replay_id.begin(), record.replay_id.end(), uint8_t{0xA0});
    record.replay_zone = 14;
    record.attempts = 7;
    record.first_attempt_ms = 11;
    record.last_attempt_ms = 12;
    record.held_ms = 13;
    record.cache = "c";
    record.topic = "to";
    record.trace_header = "tra";
    record.destination = "dest";
    record.reason_code = "codes";
    record.reason_message = "reason";
    record.body = "{}";
    return record;
}

std::string sealed(const Record& record, const Salt& with = salt(), uint64_t sequence = 1,
                   uint64_t durable = 4096) {
    RecordBuffer buffer = RecordBuffer::from(record);
    buffer.seal(with, sequence, durable);
    return std::string(buffer.bytes());
}

TEST(Crc32c, KnownAnswers) {
    // RFC 3720, appendix B.4.
    std::string rising(32, '\0');
    std::iota(rising.begin(), rising.end(), '\0');
    std::string falling(rising.rbegin(), rising.rend());
    struct {
        std::string data;
        uint32_t crc;
    } cases[] = {{"", 0},
                 {std::string(32, '\0'), 0x8A9136AA},
                 {std::string(32, '\xFF'), 0x62A8AB43},
                 {rising, 0x46DD794E},
                 {falling, 0x113FDB5C},
                 {"123456789", 0xE3069283}};
    for (const auto& c : cases) {
        EXPECT_EQ(crc32c(0, c.data.data(), c.data.size()), c.crc);
        EXPECT_EQ(crc32c_portable(0, c.data.data(), c.data.size()), c.crc);
    }
}

TEST(Crc32c, GoesOnWhereItStopped) {
    std::string data(300, '\0');
    std::iota(data.begin(), data.end(), '\3');
    uint32_t whole = crc32c(0, data.data(), data.size());
    for (size_t cut = 0; cut <= data.size(); ++cut) {
        EXPECT_EQ(crc32c(crc32c(0, data.data(), cut), data.data() + cut, data.size() - cut),
                  whole);
        EXPECT_EQ(crc32c_portable(crc32c_portable(0, data.data(), cut), data.data() + cut,
                                  data.size() - cut),
                  whole);
    }
}

TEST(Crc32c, IsTheSameWithoutTheInstruction) {
    std::string data(5'008, '\0');
    std::minstd_rand random;
    for (char& byte : data) byte = static_cast<char>(random());
    for (size_t start = 0; start < 8; ++start) {
        const char* at = data.data() + start;
        for (size_t size = 0; size <= 5'000; ++size) {
            ASSERT_EQ(crc32c(1, at, size), crc32c_portable(1, at, size))
                << start << ' ' << size;
        }
    }
}

// A change of these bytes is a change of the format: it needs another version number.
TEST(RecordFormat, IsTheseBytes) {
    EXPECT_EQ(to_hex(sealed(full_record(), salt(), 0x1122334455667788, 0x1000)),
              "f54d52ff"                          // magic
              "87000000"                          // length
              "b6dbd9ba"                          // CRC of salt and record
              "02010000"                          // kind, origin
              "8877665544332211"                  // sequence
              "0010000000000000"                  // durable
              "0807060504030201"                  // accepted
              "feffffffffffffff"                  // published
              "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"  // replay id
              "07000000"                          // attempts
              "02000000"                          // body
              "0b00000000000000"                  // first attempt
              "0c00000000000000"                  // last attempt
              "0d00000000000000"                  // held
              "010002000300040005000600"          // fields
              "0e000000"                          // replay zone
              "7b7d"
              "63"
              "746f"
              "747261"
              "64657374"
              "636f646573"
              "726561736f6e");
}

TEST(RecordFormat, ComesBackAsItWas) {
    Record before = full_record();
    std::string bytes = sealed(before, salt(), 42, 8192) + "what follows";
    Decoded decoded = decode_record(bytes, salt());
    ASSERT_TRUE(decoded.record);
    const Record& after = *decoded.record;
    EXPECT_EQ(after.kind, before.kind);
    EXPECT_EQ(after.origin, before.origin);
    EXPECT_EQ(after.sequence, 42u);
    EXPECT_EQ(after.durable, 8192u);
    EXPECT_EQ(after.accepted_ms, before.accepted_ms);
    EXPECT_EQ(after.publish_ms, before.publish_ms);
    EXPECT_EQ(after.replay_id, before.replay_id);
    EXPECT_EQ(after.replay_zone, before.replay_zone);
    EXPECT_EQ(after.attempts, before.attempts);
    EXPECT_EQ(after.first_attempt_ms, before.first_attempt_ms);
    EXPECT_EQ(after.last_attempt_ms, before.last_attempt_ms);
    EXPECT_EQ(after.held_ms, before.held_ms);
    EXPECT_EQ(after.cache, before.cache);
    EXPECT_EQ(after.topic, before.topic);
    EXPECT_EQ(after.trace_header, before.trace_header);
    EXPECT_EQ(after.destination, before.destination);
    EXPECT_EQ(after.reason_code, before.reason_code);
    EXPECT_EQ(after.reason_message, before.reason_message);
    EXPECT_EQ(after.body, before.body);
    EXPECT_EQ(after.encoded_size(), bytes.size() - 12);
}

TEST(RecordFormat, IsNotBelievedWithAnyBitChanged) {
    const std::string good = sealed(full_record());
    for (size_t i = 0; i < good.size() * 8; ++i) {
        std::string bad = good;
        bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
        EXPECT_FALSE(decode_record(bad, salt()).record) << "bit " << i;
    }
}

TEST(RecordFormat, TellsTruncatedFromAbsentFromDamaged) {
    const std::string good = sealed(full_record());
    for (size_t size = 0; size < good.size(); ++size) {
        Decoded decoded = decode_record(good.substr(0, size), salt());
        EXPECT_FALSE(decoded.record);
        EXPECT_EQ(decoded.error, DecodeError::truncated) << size;
    }
    EXPECT_EQ(decode_record(std::string(200, '\0'), salt()).error, DecodeError::absent);
    EXPECT_EQ(decode_record("\xF5M-", salt()).error, DecodeError::absent);
    std::string bad = good;
    bad[8] ^= 1;
    EXPECT_EQ(decode_record(bad, salt()).error, DecodeError::damaged);
}

TEST(RecordFormat, IsBelievedInItsOwnSegmentOnly) {
    EXPECT_TRUE(decode_record(sealed(full_record(), salt(1)), salt(1)).record);
    EXPECT_FALSE(decode_record(sealed(full_record(), salt(1)), salt(2)).record);
}

TEST(RecordBuffer, ReceivesABodyInPieces) {
    for (size_t expected : {0u, 10u, 5000u}) {
        RecordBuffer buffer(expected);
        EXPECT_EQ(buffer.body(), "");
        std::string body;
        for (int i = 0; i < 100; ++i) {
            std::string piece = "piece " + std::to_string(i) + ", ";
            buffer.append_body(piece);
            body += piece;
            ASSERT_EQ(buffer.body(), body);
        }
        Record record = full_record();
        record.body = "ignored";
        buffer.finish(record);
        EXPECT_EQ(buffer.body(), body);
        buffer.seal(salt(), 1, 4096);
        Decoded decoded = decode_record(buffer.bytes(), salt());
        ASSERT_TRUE(decoded.record);
        EXPECT_EQ(decoded.record->body, body);
        EXPECT_EQ(decoded.record->reason_message, record.reason_message);
    }
}

TEST(RecordBuffer, KeepsReadableBytesBehindTheBody) {
    RecordBuffer buffer(0);
    buffer.append_body("x");
    unsigned sum = 0;  // AddressSanitizer watches
    for (size_t i = 0; i < 1 + body_padding; ++i) {
        sum += static_cast<unsigned char>(buffer.body().data()[i]);
    }
    EXPECT_GE(sum, unsigned{'x'});
}

TEST(RecordBuffer, MayBeSealedAgainForAnotherSegment) {
    RecordBuffer buffer = RecordBuffer::from(full_record());
    buffer.seal(salt(1), 7, 4096);
    buffer.seal(salt(2), 8, 5000);
    EXPECT_FALSE(decode_record(buffer.bytes(), salt(1)).record);
    Decoded decoded = decode_record(buffer.bytes(), salt(2));
    ASSERT_TRUE(decoded.record);
    EXPECT_EQ(decoded.record->sequence, 8u);
    EXPECT_EQ(buffer.origin(), Origin::redrive);
    EXPECT_EQ(buffer.publish_ms(), -2);
}

TEST(RecordBuffer, CutsLongFieldsBetweenCharacters) {
    Record record = full_record();
    const std::string ascii(max_record_field + 1, 'a');
    const std::string umlauts = "x" + std::string(max_record_field - 2, 'y') + "\xC3\xA4";
    record.reason_code = ascii;
    record.reason_message = umlauts;
    std::string bytes = sealed(record);
    EXPECT_EQ(bytes.size(), record.encoded_size());
    Decoded decoded = decode_record(bytes, salt());
    ASSERT_TRUE(decoded.record);
    EXPECT_EQ(decoded.record->reason_code, ascii.substr(0, max_record_field));
    EXPECT_EQ(decoded.record->reason_message, umlauts.substr(0, max_record_field - 1));
}

SegmentHeader full_header() {
    SegmentHeader header;
    header.salt = salt();
    header.number = 0x21;
    header.first_sequence = 0x31;
    header.predecessor = 0x20;
    header.predecessor_end = 0x2345;
    header.predecessor_newest_publish_ms = 5;
    header.created_ms = 6;
    header.slot = "0123456789abcdef";
    header.destination = "bus";
    return header;
}

TEST(SegmentHeaderFormat, IsTheseBytes) {
    std::string bytes = encode_segment_header(full_header());
    ASSERT_EQ(bytes.size(), segment_header_size);
    EXPECT_EQ(to_hex(bytes.substr(0, 101)),
              "4d5345474d454e54"                  // MSEGMENT
              "01000201"                          // version, byte order mark
              "00100000"                          // size
              "0102030405060708090a0b0c0d0e0f10"  // salt
              "2100000000000000"
              "3100000000000000"
              "2000000000000000"
              "4523000000000000"
              "0500000000000000"
              "0600000000000000"
              "30313233343536373839616263646566"
              "0300627573");
    EXPECT_EQ(to_hex(bytes.substr(508, 4)), "62859118");
    EXPECT_EQ(bytes.find_first_not_of('\0', 512), std::string::npos);
}

TEST(SegmentHeaderFormat, ComesBackAsItWas) {
    DecodedHeader decoded = decode_segment_header(encode_segment_header(full_header()));
    ASSERT_EQ(decoded.state, HeaderState::valid);
    EXPECT_EQ(decoded.version, spool_format_version);
    EXPECT_EQ(encode_segment_header(decoded.header), encode_segment_header(full_header()));
    EXPECT_EQ(decoded.header.slot, "0123456789abcdef");
    EXPECT_EQ(decoded.header.destination, "bus");
}

TEST(SegmentHeaderFormat, IsNotBelievedWithAnyBitChanged) {
    const std::string good = encode_segment_header(full_header());
    for (size_t i = 0; i < 512 * 8; ++i) {
        std::string bad = good;
        bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
        EXPECT_EQ(decode_segment_header(bad).state, HeaderState::damaged) << "bit " << i;
    }
    EXPECT_EQ(decode_segment_header(good.substr(0, 511)).state, HeaderState::damaged);
    EXPECT_EQ(decode_segment_header(good.substr(0, 512)).state, HeaderState::valid);
}

// Of a header or a cursor's slot: the CRC of all that is before it.
void put_crc(std::string& bytes, size_t at) {
    uint32_t crc = crc32c(0, bytes.data(), at);
    for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(crc >> 8 * i);
}

TEST(SegmentHeaderFormat, OtherVersionsAreForeign) {
    std::string other = encode_segment_header(full_header());
    other[8] = 2;
    put_crc(other, 508);
    DecodedHeader decoded = decode_segment_header(other);
    EXPECT_EQ(decoded.state, HeaderState::foreign);
    EXPECT_EQ(decoded.version, 2);

    std::string swapped = encode_segment_header(full_header());
    std::swap(swapped[10], swapped[11]);
    put_crc(swapped, 508);
    EXPECT_EQ(decode_segment_header(swapped).state, HeaderState::foreign);
}

TEST(SegmentHeaderFormat, ZerosAreBlank) {
    EXPECT_EQ(decode_segment_header(std::string(4096, '\0')).state, HeaderState::blank);
    EXPECT_EQ(decode_segment_header("").state, HeaderState::blank);
    std::string late(4096, '\0');
    late[4000] = 1;
    EXPECT_EQ(decode_segment_header(late).state, HeaderState::damaged);
}

TEST(SegmentNames, AreSixteenDigits) {
    EXPECT_EQ(segment_file_name(0x1F), "000000000000001f.segment");
    EXPECT_EQ(segment_number("000000000000001f.segment"), 0x1Fu);
    for (const char* other :
         {"", "1f.segment", "000000000000001F.segment", "000000000000001f.spare",
          "000000000000001f.segment.old", "g00000000000001f.segment", "cursor"}) {
        EXPECT_EQ(segment_number(other), std::nullopt) << other;
    }
    EXPECT_TRUE(is_spare_name("000000000000001f.spare"));
    EXPECT_FALSE(is_spare_name("000000000000001f.segment"));
    EXPECT_EQ(damaged_file_name(2, 4096), "damaged-0000000000000002-4096");
}

CursorState full_cursor() {
    CursorState state;
    state.generation = 1;
    state.base_sequence = 2;
    state.base = {3, 4};
    state.totals = {102, 6, 7, 8, 9, 10};
    state.released[0] = 0x12;
    state.released[255] = uint64_t{1} << 63;
    return state;
}

TEST(CursorFormat, IsTheseBytes) {
    std::string bytes = encode_cursor(full_cursor());
    ASSERT_EQ(bytes.size(), cursor_slot_size);
    EXPECT_EQ(to_hex(bytes.substr(0, 136)),
              "4d435552534f5231"  // MCURSOR1
              "01000201"          // version, byte order mark
              "00080000"          // bitmap
              "0100000000000000"
              "0200000000000000"
              "0300000000000000"
              "0400000000000000"
              "0000000000000000"
              "0600000000000000"  // delivered
              "0700000000000000"  // dead
              "0800000000000000"  // requeued
              "0900000000000000"  // damaged
              "0a00000000000000"  // redriven
              "6600000000000000"  // last sequence
              "000000000000000000000000000000000000000000000000"
              "1200000000000000");
    EXPECT_EQ(to_hex(bytes.substr(128 + 2047, 1)), "80");
    EXPECT_EQ(to_hex(bytes.substr(4092)), "ae548906");
}

TEST(CursorFormat, ComesBackAsItWas) {
    bool foreign = true;
    auto state = decode_cursor(encode_cursor(full_cursor()), &foreign);
    ASSERT_TRUE(state);
    EXPECT_FALSE(foreign);
    EXPECT_EQ(encode_cursor(*state), encode_cursor(full_cursor()));
}

TEST(CursorFormat, TheNewestWholeSlotCounts) {
    CursorState older = full_cursor();
    CursorState newer = full_cursor();
    newer.generation = 9;
    bool foreign = false;
    const std::string a = encode_cursor(older);
    const std::string b = encode_cursor(newer);
    EXPECT_EQ(decode_cursor(a + b, &foreign)->generation, 9u);
    EXPECT_EQ(decode_cursor(b + a, &foreign)->generation, 9u);
    EXPECT_EQ(decode_cursor(a + std::string(4096, '\0'), &foreign)->generation, 1u);
    EXPECT_EQ(decode_cursor(std::string(4096, '\0') + a, &foreign)->generation, 1u);
    EXPECT_FALSE(decode_cursor(std::string(8192, '\0'), &foreign));
    EXPECT_FALSE(decode_cursor("", &foreign));

    // Torn at any sector, the newer one does not count, and the older one does.
    for (size_t sector = 0; sector < 8; ++sector) {
        CursorState other = newer;
        other.base_sequence = 77;
        other.released.fill(~uint64_t{0});
        other.released[0] = 0;
        std::string torn = b;
        torn.replace(0, sector * 512, encode_cursor(other), 0, sector * 512);
        if (sector > 0) {
            EXPECT_EQ(decode_cursor(a + torn, &foreign)->generation, 1u) << sector;
        }
    }
}

TEST(CursorFormat, OtherVersionsAreForeign) {
    std::string other = encode_cursor(full_cursor());
    other[8] = 2;
    put_crc(other, 4092);
    bool foreign = false;
    EXPECT_FALSE(decode_cursor(encode_cursor(full_cursor()) + other, &foreign));
    EXPECT_TRUE(foreign);
}

}  // namespace
}  // namespace momento
