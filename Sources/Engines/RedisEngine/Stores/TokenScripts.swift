/// The blacklist is one hash, so that nothing of it can be lost without the field that says it is whole:
///
/// | field | holds |
/// |---|---|
/// | `!` | the `run_id` of the server that was seeded |
/// | `t:…`, `s:…` | until when a token or a session is refused, milliseconds since 1970 |
/// | `u:…` | a subject's epoch in twenty digits, and until when it matters |
///
/// A sorted set beside it has the fields by their end, to forget what is over. It has no say.
struct TokenScripts: Sendable {
  let touch: RedisScript
  let revoke: RedisScript
  let seed: RedisScript
  let whole: RedisScript

  init(on client: RedisClient) {
    touch = RedisScript("session_touch", on: client, isIdempotent: true, Self.touchText)
    revoke = RedisScript(
      "tokens_revoke", on: client, isIdempotent: true, CacheScripts.less + Self.add + Self.revokeText)
    seed = RedisScript("tokens_seed", on: client, isIdempotent: true, CacheScripts.less + Self.add + Self.seedText)
    whole = RedisScript("tokens_whole", on: client, isIdempotent: true, Self.wholeText)
  }

  /// ARGV: the time of the use in microseconds, when the session ends in milliseconds. The later of each stays.
  private static let touchText = """
    local known = redis.call('GET', KEYS[1])
    local time, ends = ARGV[1], tonumber(ARGV[2])
    if known then
      if tonumber(known) > tonumber(time) then time = known end
      local clock = redis.call('TIME')
      local left = redis.call('PTTL', KEYS[1])
      ends = math.max(ends, tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000) + left)
    end
    redis.call('SET', KEYS[1], time, 'PXAT', string.format('%.0f', ends))
    return 1
    """

  /// `add(first)` takes entries from ARGV: field, epoch in twenty digits or nothing, end in milliseconds. When the
  /// server has no memory left, the blacklist is not whole any more, and says so.
  private static let add = """
    local clock = redis.call('TIME')
    local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
    local function write(...)
      local done = redis.pcall(...)
      if type(done) == 'table' and done.err then
        redis.call('HDEL', KEYS[1], '!')
        return done
      end
    end
    local function add(first)
      for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, 1000)) do
        redis.call('HDEL', KEYS[1], field)
        redis.call('ZREM', KEYS[2], field)
      end
      for i = first, #ARGV, 3 do
        local field, epoch, ends = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
        if ends > now then
          local known = redis.call('HGET', KEYS[1], field)
          if known then
            local digits, time = string.match(known, '^(%d*) ?(%d+)$')
            if string.sub(field, 1, 2) == 'u:' then
              if less(epoch, digits) then epoch = digits end
            else
              time = known
            end
            ends = math.max(ends, tonumber(time))
          end
          local text = string.format('%.0f', ends)
          local failed = write('HSET', KEYS[1], field, epoch == '' and text or (epoch .. ' ' .. text))
            or write('ZADD', KEYS[2], text, field)
          if failed then return failed end
        end
      end
    end

    """

  private static let revokeText = """
    return add(1) or 1
    """

  /// KEYS: the hash, the set, a mark of this seeding. ARGV: whether it is the first part, entries. A part that does not
  /// find the mark of those before it came to another server, or too late.
  private static let seedText = """
    if ARGV[1] == '1' then
      redis.call('SET', KEYS[3], '1', 'PX', 60000)
    elseif redis.call('EXISTS', KEYS[3]) == 0 then
      return redis.error_reply('UNSEEDED what was seeded so far is gone')
    end
    return add(2) or 1
    """

  /// KEYS as above. ARGV: the run of the server that all parts came to.
  private static let wholeText = """
    if redis.call('EXISTS', KEYS[3]) == 0 then
      return redis.error_reply('UNSEEDED what was seeded so far is gone')
    end
    redis.call('HSET', KEYS[1], '!', ARGV[1])
    redis.call('DEL', KEYS[3])
    return 1
    """
}
