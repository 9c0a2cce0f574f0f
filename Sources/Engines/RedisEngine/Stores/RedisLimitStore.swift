public import GravityLimits

/// Redis as the place where gateways share limits: one script a claim, all claims of a call in one round trip, by the
/// server's own clock.
///
/// A bucket's key ends when it is whole again. Buckets are lost with the server's data; a server that evicts keys loses
/// them one by one, and then admits more than a limit allows, so `maxmemory-policy` has to be `noeviction`.
public final class RedisLimitStore: LimitStore {
  /// Claims of one call.
  public static let greatestCount = 1_000

  private let client: RedisClient
  private let take: RedisScript
  private let names: RedisNames

  /// - Parameters:
  ///   - client: Which has to run.
  ///   - prefix: As ``RedisCacheStore/init(_:prefix:)`` has it.
  /// - Throws: ``RedisError`` with `invalid`.
  public init(_ client: RedisClient, prefix: String = "gravity") throws(RedisError) {
    self.client = client
    names = try RedisNames(prefix: prefix)
    // Twice takes twice: what was perhaps taken is lost, and not taken again.
    take = RedisScript("limit_take", on: client, isIdempotent: false, Self.text)
  }

  public func take(_ claims: [LimitClaim]) async throws(LimitStoreError) -> [LimitGrant] {
    try await timed(claims).map(\.grant)
  }

  /// With the moment, by the server's clock, of which each grant speaks.
  func timed(_ claims: [LimitClaim]) async throws(LimitStoreError) -> [(grant: LimitGrant, at: Int64)] {
    guard !claims.isEmpty else { return [] }
    guard claims.count <= Self.greatestCount else {
      throw LimitStoreError("at most \(Self.greatestCount) claims are made at once, and these are \(claims.count)")
    }
    do {
      let results = try await take.run(
        on: client,
        each: claims.map { claim in (keys: [names("limit:\(claim.key)")], arguments: Self.arguments(claim)) })
      return try results.map { result in
        guard let numbers = try result.get().value.elements?.compactMap(\.integer), numbers.count == 5 else {
          throw RedisError(.unexpected, "not what the script answers", command: take.operation.name)
        }
        return (
          LimitGrant(
            taken: Int(numbers[0]), remaining: Int(numbers[1]), retryAfter: numbers[2], reset: numbers[3]), numbers[4]
        )
      }
    } catch {
      throw LimitStoreError("\(error)")
    }
  }

  private static func arguments(_ claim: LimitClaim) -> [RESPArgument] {
    // No bucket has more than a request for each microsecond of its window.
    [
      .integer(claim.limit.window), .integer(claim.limit.interval),
      .integer(min(max(0, Int64(claim.wanted)), claim.limit.window)),
    ]
  }

  /// As ``Bucket``. All numbers are below 2^53, where Lua's are exact.
  private static let text = """
    local clock = redis.call('TIME')
    local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
    local window, interval, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local start = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
    local free = math.floor(math.max(0, window - (start - now)) / interval)
    local taken = math.min(wanted, free)
    local ahead = start + taken * interval - now
    if taken > 0 then
      redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', string.format('%.0f', math.ceil(ahead / 1000)))
    end
    local remaining = math.floor(math.max(0, window - ahead) / interval)
    return {taken, remaining, remaining > 0 and 0 or ahead + interval - window, ahead, now}
    """
}
