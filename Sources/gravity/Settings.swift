import Foundation
import GravityContracts
import GravityDiscovery
import GravityTelemetry
import Logging

/// Every setting of the platform, declared once: read typed here, listed by `gravity config`.
enum Settings {
  static let dataDirectory = Setting(
    text: "gravity.data.dir", "where databases, keys and mail are kept", standard: ".gravity")
  static let host = Setting(
    text: "gravity.host", "the address to listen on; another than loopback is production", standard: "127.0.0.1")
  static let portOffset = Setting(integer: "gravity.port.offset", "added to every port", standard: 0, in: 0...57_000)
  static let logLevel = Setting<Logger.Level>(
    "gravity.log.level", "the least level that is logged", standard: .info,
    expected: "one of trace, debug, info, notice, warning, error, critical"
  ) { Logger.Level(rawValue: $0) }.live
  static let logFormat = Setting<String>(
    "gravity.log.format", "json (ECS, one object a line) or text; text on a terminal unless it is set",
    expected: "json or text"
  ) { ["json", "text"].contains($0) ? $0 : nil }
  static let masterKey = Setting(
    text: "gravity.master.key",
    "32 bytes in base64 or hex that protect what must be reversible; else a file of the data folder",
    isSecret: true)
  static let adminEmail = Setting(
    text: "gravity.admin.email", "the first administrator's address", standard: "admin@gravity.local")
  static let adminPassword = Setting(
    text: "gravity.admin.password", "the first administrator's password; else made and shown once", isSecret: true)
  static let issuer = Setting(
    text: "gravity.issuer", "`iss` of tokens: the platform's public address", standard: "http://127.0.0.1:8000")
  static let trustedProxies = Setting(
    text: "gravity.trusted.proxies",
    "what stands before the gateway, whose X-Forwarded-For is believed: CIDR blocks apart by commas",
    standard: "127.0.0.0/8,::1/128")

  static let postgresURL = Setting<String>(
    "gravity.postgres.url",
    "postgres://USER:PASSWORD@HOST:PORT/DATABASE; a database per service beside it. SQLite without it",
    isSecret: true, expected: "a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE"
  ) { text in
    let url = URLComponents(string: text)
    return ["postgres", "postgresql"].contains(url?.scheme ?? "") && url?.host?.isEmpty == false ? text : nil
  }
  static let postgresConnections = Setting(
    integer: "gravity.postgres.connections", "the most connections of one service's pool", standard: 10, in: 1...500)

  static let postgresPrefix = Setting<String>(
    "gravity.postgres.prefix", "put before each database's name, so that platforms can share a server", standard: "",
    expected: "at most 32 of a-z, 0-9 and _, a letter first"
  ) { text in
    text.isEmpty
      || text.count <= 32 && text.first?.isLetter == true
        && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
      ? text : nil
  }

  static let amqpURL = Setting(
    text: "gravity.amqp.url",
    "amqp://USER:PASSWORD@HOST:PORT/VHOST: events go through RabbitMQ. Without it, through queues in the database",
    isSecret: true)

  static let redisURL = Setting(
    text: "gravity.redis.url",
    "redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss: instances share caches, limits and the blacklist there",
    isSecret: true)
  static let redisPrefix = Setting<String>(
    "gravity.redis.prefix", "put before each key, so that platforms can share a server", standard: "gravity",
    expected: "1 to 64 of a-z, A-Z, 0-9, - and _"
  ) { text in
    (1...64).contains(text.count)
      && text.utf8.allSatisfy {
        (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95
      }
      ? text : nil
  }

  static let bcryptCost = Setting(
    integer: "gravity.auth.bcrypt.cost", "each step doubles the time of a login", standard: 12, in: 4...16)
  static let verifyEmail = Setting(
    flag: "gravity.auth.verify.email", "whether an address must be confirmed before its account is active",
    standard: false)
  static let accessTTL = Setting(
    duration: "gravity.auth.access.ttl", "how long an access token is good", standard: .seconds(900),
    in: .seconds(60)...(.seconds(3600)))

  static let supportContact = Setting(
    text: "gravity.support.contact", "whom people are told to ask: an address, a page or a name",
    standard: "the administrator of this platform")

  static let webhookSecrets = Setting<[String: [String]]>(
    "gravity.payment.webhook.secrets",
    "keys that sign a provider's webhooks: PROVIDER=SECRET, apart by commas, two of one provider while they change",
    isSecret: true, expected: "a list such as stripe=SECRET,stripe=OLD_SECRET, each of at least 16 bytes"
  ) { WebhookSecrets.parse($0) }

  static let paymentWindow = Setting(
    duration: "gravity.order.payment.window",
    "how long a buyer has for what a payment asks of them, such as 3-D Secure; then the order expires",
    standard: .seconds(900), in: .seconds(60)...(.seconds(86400)))
  static let cancelWindow = Setting(
    duration: "gravity.order.cancel.window", "how long a buyer may cancel an order that is confirmed",
    standard: .seconds(86400), in: .zero...(.seconds(365 * 86400)))
  static let orderTaxes = Setting<[String: Int64]>(
    "gravity.order.taxes", "percent of the price by country of the shipping address: DE=19,AT=20,CH=8.1",
    expected: "a list such as DE=19,AT=20,CH=8.1, from 0 to 100 with at most four decimal places"
  ) { OrderRates.taxes($0) }
  static let orderShipping = Setting<[Currency: Int64]>(
    "gravity.order.shipping", "what sending an order costs, in minor units by currency: EUR=490,JPY=800",
    expected: "a list such as EUR=490,JPY=800, in minor units of ISO 4217 currencies"
  ) { OrderRates.shipping($0) }

  static let gatewayRequests = Setting(
    integer: "gravity.gateway.rate.limit", "requests a minute for each caller", standard: 6_000, in: 1...1_000_000_000
  ).live
  static let signIns = Setting(
    integer: "gravity.gateway.sign.in.limit",
    "logins, registrations and recoveries a minute from one address, each counted by itself", standard: 60,
    in: 1...1_000_000_000
  ).live
  static let gatewayMetrics = Setting(
    flag: "gravity.gateway.metrics",
    "whether the gateway's port answers /metrics, to all who reach it; unless it is set, only where it listens on loopback"
  )
  static let accessLog = Setting(flag: "gravity.gateway.access.log", "a line for each request", standard: true)
  static let drainTimeout = Setting(
    duration: "gravity.drain.timeout", "how long requests in flight may take after SIGTERM", standard: .seconds(20),
    in: .seconds(1)...(.seconds(600)))

  static let all: [any AnySetting] =
    [
      dataDirectory, host, portOffset, logLevel, logFormat, masterKey, adminEmail, adminPassword, issuer,
      trustedProxies, postgresURL, postgresConnections, postgresPrefix, amqpURL, redisURL, redisPrefix,
      bcryptCost, verifyEmail, accessTTL, supportContact, webhookSecrets, paymentWindow, cancelWindow,
      orderTaxes, orderShipping, gatewayRequests, signIns, gatewayMetrics, accessLog,
      drainTimeout,
    ] + answers + edge + discovery + identity + mail + privacy + traces

  /// OpenTelemetry's own names and values (see telemetry.md).
  static let traces: [Setting<String>] = TraceSettings.variables.map { variable in
    Setting(
      variable.name.lowercased().replacing("_", with: "."), variable.help, isSecret: variable.isSecret,
      expected: "what OpenTelemetry takes"
    ) { $0 }
  }
}
