import GravityCache
import GravityDiscovery
import GravityHTTP
import GravityIdentity
import GravityLimits
import GravityService
import NIOCore
import RedisEngine

/// Redis, where the configuration names one: what instances share besides their databases.
struct RunningRedis: Sendable {
  /// Has to run before, and longer than, whoever uses the stores.
  let client: RedisClient
  let cache: RedisCacheStore
  let tokens: RedisTokenStore
  let limits: RedisLimitStore

  /// - Returns: nil where none is named.
  /// - Throws: `StartFailure` for a URL that is none. A server that is away is no reason not to start.
  init?(_ layers: LayeredConfiguration, _ group: any EventLoopGroup, _ telemetry: ServiceTelemetry) throws {
    guard let url = try layers.optional(Settings.redisURL) else { return nil }
    let prefix = try layers.value(Settings.redisPrefix)
    do throws(RedisError) {
      client = try RedisClient(
        url: url, group: group, logger: telemetry.logger("redis"), metrics: telemetry.metrics)
      cache = try RedisCacheStore(client, prefix: prefix)
      tokens = try RedisTokenStore(client, prefix: prefix)
      limits = try RedisLimitStore(client, prefix: prefix)
    } catch {
      throw StartFailure(.configuration, "GRAVITY_REDIS_URL: \(error)")
    }
  }
}

extension Ground {
  /// The second tier of a service's caches, and what brings them the invalidations of other instances.
  func secondTier(
    of caches: [any InvalidatedByName], _ telemetry: ServiceTelemetry
  ) -> [StoreInvalidationFeed] {
    guard let redis else { return [] }
    return [StoreInvalidationFeed(caches, store: redis.cache, logger: telemetry.logger("cache"))]
  }
}
