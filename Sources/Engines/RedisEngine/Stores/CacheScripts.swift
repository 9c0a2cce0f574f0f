/// A key of the cache is one hash, so that a record and its fence are evicted together or not at all:
///
/// | field | holds |
/// |---|---|
/// | `r`, `v` | the record's bytes and version |
/// | `p`, `e` | when it was put and when it ends, microseconds of the server's clock |
/// | `f`, `l` | the fence's version, the lease |
/// | `u` | until when fence and lease stand |
///
/// Versions are twenty digits that are ordered as the numbers are.
struct CacheScripts: Sendable {
  let get: RedisScript
  let put: RedisScript
  let invalidate: RedisScript

  init(on client: RedisClient) {
    get = RedisScript("cache_get", on: client, isIdempotent: true, Self.clock + Self.getText)
    put = RedisScript("cache_put", on: client, isIdempotent: true, Self.clock + Self.less + Self.putText)
    // Twice is once: the second time without a version gives another lease, which refuses no less.
    invalidate = RedisScript(
      "cache_invalidate", on: client, isIdempotent: true, Self.clock + Self.less + Self.invalidateText)
  }

  private static let clock = """
    local clock = redis.call('TIME')
    local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

    """

  static let less = """
    local function less(a, b)
      local x, y = tonumber(string.sub(a, 1, 10)), tonumber(string.sub(b, 1, 10))
      if x ~= y then return x < y end
      return tonumber(string.sub(a, 11)) < tonumber(string.sub(b, 11))
    end

    """

  /// Answers bytes, version, age and lease.
  private static let getText = """
    local h = redis.call('HMGET', KEYS[1], 'r', 'v', 'p', 'e', 'l', 'u')
    local lease = '0'
    if h[6] and tonumber(h[6]) > now then lease = h[5] or '0' end
    if not h[1] or tonumber(h[4]) <= now then return {false, false, 0, lease} end
    return {h[1], h[2], now - tonumber(h[3]), lease}
    """

  /// ARGV: bytes, version, lease, time to live. Answers whether the record was kept.
  private static let putText = """
    local h = redis.call('HMGET', KEYS[1], 'v', 'e', 'f', 'l', 'u')
    local ends, stands = now + tonumber(ARGV[4]), 0
    if h[5] and tonumber(h[5]) > now then stands = tonumber(h[5]) end
    if ARGV[3] ~= (stands > 0 and h[4] or '0') then return 0 end
    if stands > 0 and h[3] and less(ARGV[2], h[3]) then return 0 end
    if h[1] and tonumber(h[2]) > now and less(ARGV[2], h[1]) then return 0 end
    if h[5] and stands == 0 then redis.call('HDEL', KEYS[1], 'f', 'l', 'u') end
    redis.call('HSET', KEYS[1], 'r', ARGV[1], 'v', ARGV[2], 'p', string.format('%.0f', now),
      'e', string.format('%.0f', ends))
    redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(math.max(ends, stands) / 1000)))
    return 1
    """

  /// ARGV: version or nothing, how long the fence stands, channel, message. What is old goes first: a server that has
  /// no memory left refuses the rest.
  private static let invalidateText = """
    local h = redis.call('HMGET', KEYS[1], 'v', 'e', 'f', 'l', 'u')
    local stands, known, lease = 0, false, '0'
    if h[5] and tonumber(h[5]) > now then stands, known, lease = tonumber(h[5]), h[3], h[4] or '0' end
    if h[5] and stands == 0 then redis.call('HDEL', KEYS[1], 'f', 'l', 'u') end
    local ends = 0
    if h[1] then
      if ARGV[1] == '' or tonumber(h[2]) <= now or less(h[1], ARGV[1]) then
        redis.call('HDEL', KEYS[1], 'r', 'v', 'p', 'e')
      else
        ends = tonumber(h[2])
      end
    end
    local until_ = math.max(stands, now + tonumber(ARGV[2]))
    local raised = true
    if ARGV[1] == '' then
      redis.call('HSET', KEYS[1], 'l', string.format('%.0f', math.max(now, tonumber(lease) + 1)))
    elseif known and not less(known, ARGV[1]) then
      raised = false
    else
      redis.call('HSET', KEYS[1], 'f', ARGV[1])
    end
    redis.call('HSET', KEYS[1], 'u', string.format('%.0f', until_))
    redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(math.max(ends, until_) / 1000)))
    if raised then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
    return 1
    """
}
