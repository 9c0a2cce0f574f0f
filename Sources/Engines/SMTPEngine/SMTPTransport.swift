public import Foundation
import Logging
public import NIOCore
public import NotificationServer
public import ServiceLifecycle
import Synchronization

/// Hands mails to a server by SMTP (RFC 5321), mostly to a provider's or one's own for submission (RFC 6409).
///
/// A reply 4xx, a 421, and a connection that broke are failures that are tried again; a reply 5xx to a mail is a
/// bounce. Whether a server whose connection broke after the mail has it, nobody can know: it is sent again, and its
/// Message-ID, which stays the same, tells the copies for one mail.
public final class SMTPTransport: MailTransport, Service {
  /// Bounds of waiting. RFC 5321 §4.5.3.2 has minutes for most of them, for relays that may be busy for long; here
  /// somebody waits, and what takes longer is tried again.
  public struct Times: Sendable {
    public var connect = TimeAmount.seconds(10)
    /// For the greeting and for every reply but the last.
    public var reply = TimeAmount.seconds(30)
    /// For the reply to a mail that was sent, when the server scans and stores it.
    public var data = TimeAmount.seconds(120)
    /// For one call of ``SMTPTransport/send(_:)``, the opening of connections included; less than the bound on a go.
    public var call = TimeAmount.seconds(240)
    /// How long a connection that nobody needs is kept.
    public var idle = TimeAmount.seconds(15)

    public init() {}
  }

  /// Connections of one call.
  private static let width = 3
  /// Mails over one connection; many servers have such a bound themselves.
  private static let greatestMails = 100
  private static let greatestIdle = 6

  private let opening: SMTPOpening
  private let times: Times
  private let idle = Mutex((connections: [SMTPConnection](), isClosed: false))

  /// - Parameter url: `smtp://user:password@host:587?tls=required|optional|none`, or `smtps:`.
  /// - Throws: ``SMTPError`` with `configure`.
  public init(url: String, times: Times = Times(), group: any EventLoopGroup) throws(SMTPError) {
    self.times = times
    opening = SMTPOpening(address: try SMTPAddress(url), times: times, group: group)
  }

  /// Waits for the end, then says good-bye to the server.
  public func run() async throws {
    try? await gracefulShutdown()
    let connections = idle.withLock { idle in
      defer { idle = ([], true) }
      return idle.connections
    }
    for connection in connections { await connection.quit() }
  }

  // MARK: Sending

  public func send(_ mails: [Mail]) async -> [SendOutcome] {
    let deadline = NIODeadline.now() + times.call
    let round = Round(mails)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<min(Self.width, mails.count) { group.addTask { await self.work(round, deadline) } }
    }
    return round.outcomes
  }

  /// The server keeps copies of nobody that it could be asked to delete.
  public func erase(_ ids: [UUID]) async throws {}

  private func work(_ round: Round, _ deadline: NIODeadline) async {
    var open: SMTPConnection?
    while let (index, mail) = round.next() {
      guard NIODeadline.now() < deadline else {
        round.stop(index, "the server is too slow for so many mails at a time")
        break
      }
      let connection: SMTPConnection
      do throws(SMTPError) {
        if let open { connection = open } else { connection = try await take(until: deadline) }
      } catch {
        // A server that is away is not asked once more for each mail.
        round.stop(index, error.message)
        return
      }
      let result = await SMTPDelivery(connection: connection, times: times, deadline: deadline).send(mail)
      round.finish(index, result.outcome)
      open = connection
      if !result.isUsable {
        connection.close()
        open = nil
      } else if connection.sent >= Self.greatestMails {
        await connection.quit()
        open = nil
      }
    }
    if let open { keep(open) }
  }

  // MARK: Connections

  /// One that stands idle and still answers, or a new one.
  private func take(until deadline: NIODeadline) async throws(SMTPError) -> SMTPConnection {
    while let connection = idle.withLock({ $0.connections.popLast() }) {
      // RSET shows that it is there, and that nothing is left of another mail.
      if connection.channel.isActive, let reply = try? await connection.ask("RSET", within: .seconds(5)),
        reply.isPositive
      {
        return connection
      }
      connection.close()
    }
    var opening = opening
    opening.deadline = deadline
    return try await opening.open()
  }

  private func keep(_ connection: SMTPConnection) {
    let isKept = idle.withLock { idle in
      guard !idle.isClosed, idle.connections.count < Self.greatestIdle else { return false }
      idle.connections.append(connection)
      return true
    }
    guard isKept else { return connection.close() }
    let sent = connection.sent
    connection.channel.eventLoop.scheduleTask(in: times.idle) { [weak self] in
      // One that was used meanwhile has another task.
      guard let self, connection.sent == sent else { return }
      let isIdle = self.idle.withLock { idle in
        let count = idle.connections.count
        idle.connections.removeAll { $0 === connection }
        return idle.connections.count < count
      }
      if isIdle { connection.channel.close(promise: nil) }
    }
  }
}

/// What one call has to do, and what became of it.
private final class Round: Sendable {
  private let mails: [Mail]
  private let state: Mutex<(next: Int, outcomes: [SendOutcome?], failure: String?)>

  init(_ mails: [Mail]) {
    self.mails = mails
    state = Mutex((0, Array(repeating: nil, count: mails.count), nil))
  }

  func next() -> (Int, Mail)? {
    state.withLock { state in
      guard state.next < mails.count else { return nil }
      defer { state.next += 1 }
      return (state.next, mails[state.next])
    }
  }

  func finish(_ index: Int, _ outcome: SendOutcome) { state.withLock { $0.outcomes[index] = outcome } }

  /// One who works on it cannot go on. Those whom nobody takes over after that fail for the same reason.
  func stop(_ index: Int, _ reason: String) {
    state.withLock { state in
      state.outcomes[index] = .failed(reason)
      state.failure = reason
    }
  }

  var outcomes: [SendOutcome] {
    state.withLock { state in state.outcomes.map { $0 ?? .failed(state.failure ?? "it was not sent") } }
  }
}
