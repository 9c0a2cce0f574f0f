import CRabbitMQ
import Foundation
public import GravityEvents

/// What is asked of a server rather than of its queues.
public enum RabbitMQServer {
  /// How far a platform would come with a server.
  public struct Examination: Sendable, Hashable {
    /// As the server tells it when it is connected to, such as `3.10.8`; nil when it tells none.
    public var version: String?
    /// What was refused or did not answer, in the server's words; nil when everything was granted.
    public var trouble: Trouble?
  }

  /// The first step that failed.
  public struct Trouble: Sendable, Hashable {
    public enum Step: String, Sendable, Hashable, CaseIterable {
      /// To connect, TLS included.
      case connect
      /// User, password and virtual host.
      case logIn
      /// To make the platform's exchanges: the permission `configure`.
      case declareExchange
      /// To make a queue and bind it: the permissions `configure`, `write` and `read`.
      case declareQueue
    }
    public var step: Step
    public var text: String
  }

  /// Connects, logs in, and makes what a platform makes: its exchanges, which stay, and a queue that goes with the
  /// connection.
  ///
  /// - Parameters:
  ///   - url: as ``RabbitMQBroker`` takes it.
  ///   - timeout: for each step; without resolving the host's name.
  /// - Throws: ``BrokerError/invalid(_:)`` for a URL that is none. What the server refuses is no error but the answer.
  public static func examine(url: String, timeout: Duration = .seconds(5)) async throws(BrokerError) -> Examination {
    var configuration = RabbitMQBroker.Configuration()
    configuration.connectTimeout = timeout
    let address = try BrokerAddress(url)
    let (name, settings) = ("gravity doctor", configuration)
    return await withCheckedContinuation { continuation in
      // The library blocks.
      let thread = Thread { continuation.resume(returning: examine(address, name, settings)) }
      thread.name = "rabbitmq examine"
      thread.start()
    }
  }

  private static func examine(
    _ address: BrokerAddress, _ name: String, _ configuration: RabbitMQBroker.Configuration
  ) -> Examination {
    let lifeline = Lifeline()
    let watchdog = Watchdog([lifeline])
    watchdog.start()
    defer {
      lifeline.detach()
      watchdog.end()
    }
    var examination = Examination()
    func patient() {
      let deadline = Uptime.after(configuration.connectTimeout)
      lifeline.arm(until: deadline)
      watchdog.expect(by: deadline)
    }
    var step = Trouble.Step.connect
    do throws(AMQPFailure) {
      patient()
      let connection = try AMQPConnection.open(address, name: name, configuration, lifeline)
      examination.version = connection.serverVersion
      step = .declareExchange
      patient()
      try connection.openChannel(channel)
      let topology = Topology()
      try topology.declareExchanges(connection, channel)
      step = .declareQueue
      patient()
      let queue = try connection.declareQueue("gravity.doctor.\(UUID().uuidString)", .ofConnection, [], channel)
      try connection.bind(queue, to: topology.events, "doctor.none", channel)
      connection.close(within: .seconds(1))
    } catch {
      // A server that ends the connection at the login says why only by its code.
      if step == .connect, error.code != nil || error.text.hasPrefix("the login failed") { step = .logIn }
      let text = lifeline.wasOverdue ? "the server does not answer" : error.text
      examination.trouble = Trouble(step: step, text: text)
    }
    return examination
  }

  private static let channel: UInt16 = 1
}
