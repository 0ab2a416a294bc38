-- A webhook handler for nginx's Lua module, written with care: keys absorbed once, signatures
-- compared in constant time, events of one worker put on the bus together, kept connections.
-- It answers once the bus has the event: there is nowhere else it could be durable.
local ffi = require "ffi"
local bit = require "bit"
local cjson = require "cjson.safe"
local semaphore = require "ngx.semaphore"

ffi.cdef [[
typedef struct evp_mac_st EVP_MAC;
typedef struct evp_mac_ctx_st EVP_MAC_CTX;
typedef struct { const char* key; unsigned type; void* data; size_t size; size_t got; } OSSL_PARAM;
OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char*, char*, size_t);
OSSL_PARAM OSSL_PARAM_construct_end(void);
EVP_MAC* EVP_MAC_fetch(void*, const char*, const char*);
EVP_MAC_CTX* EVP_MAC_CTX_new(EVP_MAC*);
int EVP_MAC_init(EVP_MAC_CTX*, const char*, size_t, const OSSL_PARAM*);
int EVP_MAC_update(EVP_MAC_CTX*, const char*, size_t);
int EVP_MAC_final(EVP_MAC_CTX*, unsigned char*, size_t*, size_t);
unsigned char* SHA256(const char*, size_t, unsigned char*);
int CRYPTO_memcmp(const void*, const void*, size_t);
]]
local crypto = ffi.load("crypto.so.3")

local bytes = ffi.new("unsigned char[32]")
local length = ffi.new("size_t[1]")

local digits = ffi.new("const char[17]", "0123456789abcdef")
local hex = ffi.new("char[64]")

-- Of 32 bytes.
local function to_hex(data)
    for i = 0, 31 do
        local byte = data:byte(i + 1)
        hex[2 * i] = digits[bit.rshift(byte, 4)]
        hex[2 * i + 1] = digits[bit.band(byte, 15)]
    end
    return ffi.string(hex, 64)
end

-- A keyed context, to be started afresh for each message.
local hmac = crypto.EVP_MAC_fetch(nil, "HMAC", nil)
local function make_key(digest, secret)
    local name = ffi.new("char[?]", #digest + 1, digest)
    local parameters = ffi.new("OSSL_PARAM[2]")
    parameters[0] = crypto.OSSL_PARAM_construct_utf8_string("digest", name, 0)
    parameters[1] = crypto.OSSL_PARAM_construct_end()
    local context = crypto.EVP_MAC_CTX_new(hmac)
    assert(crypto.EVP_MAC_init(context, secret, #secret, parameters) == 1)
    return context
end

local function sign(context, message)
    crypto.EVP_MAC_init(context, nil, 0, nil)
    crypto.EVP_MAC_update(context, message, #message)
    crypto.EVP_MAC_final(context, bytes, length, 32)
    return ffi.string(bytes, 32)
end

local function hmac_sha256(secret, message)
    return sign(make_key("SHA256", secret), message)
end

local function sha256_hex(message)
    crypto.SHA256(message, #message, bytes)
    return to_hex(ffi.string(bytes, 32))
end

local webhook_key = make_key("SHA3-256", "1234567890")
local access_key, secret_key, region = "AKIDBENCH", "bench", "us-west-2"
local signing_day, signing_key

local function authorization(host, date, payload)
    local day = date:sub(1, 8)
    local scope = day .. "/" .. region .. "/events/aws4_request"
    if signing_day ~= day then
        local key = hmac_sha256("AWS4" .. secret_key, day)
        key = hmac_sha256(hmac_sha256(key, region), "events")
        signing_key = make_key("SHA256", hmac_sha256(key, "aws4_request"))
        signing_day = day
    end
    local names = "content-type;host;x-amz-date;x-amz-target"
    local canonical = "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:" .. host ..
        "\nx-amz-date:" .. date .. "\nx-amz-target:AWSEvents.PutEvents\n\n" .. names .. "\n" ..
        sha256_hex(payload)
    local text = "AWS4-HMAC-SHA256\n" .. date .. "\n" .. scope .. "\n" .. sha256_hex(canonical)
    return "AWS4-HMAC-SHA256 Credential=" .. access_key .. "/" .. scope ..
        ", SignedHeaders=" .. names .. ", Signature=" .. to_hex(sign(signing_key, text))
end

-- True if the bus took all of them.
local function put_events(port, entries)
    local payload = '{"Entries":[' .. table.concat(entries, ",") .. "]}"
    local host = "127.0.0.1:" .. port
    local date = os.date("!%Y%m%dT%H%M%SZ", ngx.time())
    local socket = ngx.socket.tcp()
    socket:settimeout(3000)
    if not socket:connect("127.0.0.1", port) then return false end
    socket:send({
        "POST / HTTP/1.1\r\nHost: ", host,
        "\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Date: ", date,
        "\r\nX-Amz-Target: AWSEvents.PutEvents\r\nAuthorization: ",
        authorization(host, date, payload), "\r\nContent-Length: ", #payload, "\r\n\r\n", payload,
    })
    local status = socket:receive("*l")
    local size
    repeat
        local line = socket:receive("*l")
        if not line then return false end
        size = line:match("^[Cc]ontent%-[Ll]ength: (%d+)") or size
    until line == ""
    local answer = cjson.decode(socket:receive(tonumber(size)) or "")
    socket:setkeepalive(60000, 64)
    return status and status:find(" 200 ", 1, true) and answer and answer.FailedEntryCount == 0
end

local waiting, first, last = {}, 1, 0
local senders, most_senders, most_entries = 0, 2, 10

-- In the background: sends what waits, in batches, until nothing does.
local function send_waiting(_, port)
    while first <= last do
        local items, entries = {}, {}
        while first <= last and #items < most_entries do
            local item = waiting[first]
            waiting[first] = nil
            first = first + 1
            items[#items + 1] = item
            entries[#entries + 1] = item.entry
        end
        local called, delivered = pcall(put_events, port, entries)
        for _, item in ipairs(items) do
            item.delivered = called and delivered
            item.done:post()
        end
    end
    senders = senders - 1
end

local function deliver(port, entry)
    local item = { entry = entry, done = semaphore.new() }
    last = last + 1
    waiting[last] = item
    if senders < most_senders then
        senders = senders + 1
        ngx.timer.at(0, send_waiting, port)
    end
    return item.done:wait(4) and item.delivered
end

local function answer(status, message)
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    ngx.print('{"message":"', message, '"}')
end

return function(port)
    ngx.req.read_body()
    local body = ngx.req.get_body_data() or ""
    local expected = to_hex(sign(webhook_key, body))
    local given = ngx.var.http_momento_signature or ""
    if #given ~= #expected or crypto.CRYPTO_memcmp(given, expected, #expected) ~= 0 then
        return answer(403, "Unauthorized")
    end
    local event = cjson.decode(body)
    if type(event) ~= "table" then return answer(400, "Bad Request") end
    local age = ngx.now() * 1000 - event.publish_timestamp
    if age > 60000 or age < -10000 then return answer(403, "Unauthorized") end

    local entry = '{"Source":"Momento","DetailType":' ..
        cjson.encode(event.cache .. "#" .. event.topic) .. ',"Detail":' .. cjson.encode(body) ..
        ',"EventBusName":"default"}'
    if not deliver(port, entry) then return answer(503, "Service Unavailable") end
    answer(200, "Success")
end
