import Foundation
import Logging
import GravityData
import GravityEvents

/// What both threads need to know.
struct BrokerSettings: Sendable {
  let address: BrokerAddress
  let configuration: RabbitMQBroker.Configuration
  let topology: Topology
  let logger: Logger
  let metrics: BrokerMetrics

  var heartbeat: Duration { address.heartbeat ?? configuration.heartbeat }

  /// How long a thread sleeps at most: the library sends and misses heartbeats only when it is asked for a frame.
  var heartbeatPause: UInt64 { max(100_000_000, heartbeat.nanoseconds / 4) }

  /// How many frames a thread works off before it looks around.
  let framesAtOnce = 1_000

  /// How long a thread may be inside of the library before its socket is shut down.
  var patience: UInt64 { max(configuration.publishTimeout, configuration.connectTimeout).nanoseconds }

  /// - Parameter purpose: tells the connections of a process apart in the broker's list.
  func connect(for purpose: String, _ lifeline: Lifeline) throws(AMQPFailure) -> AMQPConnection {
    try .open(address, name: "\(configuration.connectionName) \(purpose)", configuration, lifeline)
  }

  var metadata: Logger.Metadata { ["broker": "\(address.host):\(address.port)", "vhost": "\(address.virtualHost)"] }

  func metadata(_ failure: AMQPFailure) -> Logger.Metadata {
    metadata.merging(["error": "\(failure.text)"]) { $1 }
  }
}

/// Connecting again and again: at once after a connection that had lasted, else after growing pauses.
struct Reconnection {
  private static let longEnough: UInt64 = 10_000_000_000
  private var backoff = Backoff.reconnecting
  private var lastText: String?
  /// Nanoseconds to wait before the next attempt.
  private(set) var pause: UInt64 = 0
  /// Whether the failure is not the same as the last time.
  private(set) var isNews = false

  /// - Parameter body: connects, says so, and serves until the end.
  /// - Returns: why it ended, and nil when it was to end.
  mutating func attempt(_ body: (_ isUp: () -> Void) throws(AMQPFailure) -> Void) -> AMQPFailure? {
    var upSince: UInt64?
    do throws(AMQPFailure) {
      try body { upSince = Uptime.now }
      return nil
    } catch {
      if let upSince, Uptime.now - upSince >= Self.longEnough {
        backoff.succeeded()
        pause = 0
      } else {
        pause = backoff.next().nanoseconds
      }
      isNews = upSince != nil || lastText != error.text
      lastText = error.text
      return error
    }
  }
}

extension Backoff {
  /// Between attempts to have a connection or a channel again.
  static var reconnecting: Backoff { Backoff(first: .milliseconds(100), greatest: .seconds(5)) }
}
