import CPQ
import Dispatch
import Foundation
import GravityData

/// A connection to one server process: libpq without its blocking calls.
///
/// Every wait is a `poll` with a deadline, so that a server that froze, or a network that swallows everything, gives an
/// error within bounds. Everything goes through pipeline mode: several requests cost one round trip. Not `Sendable`:
/// it belongs to the thread that made it.
final class PostgresWire {
  enum Request {
    case prepare(name: String, text: String, types: [UInt32])
    case execute(name: String, values: [SQLValue])
    case query(text: String, values: [SQLValue])
  }

  /// How far the requests came: those that succeeded, in order, and what the next one failed with.
  struct Outcome {
    var results: [PostgresResult] = []
    var error: DatabaseError?
  }

  private let raw: OpaquePointer
  /// Whether the connection is of no use any more: it broke, or nobody knows what the server does on it.
  private(set) var isBroken = false
  let canceller: PostgresCanceller?

  /// - Throws: `unavailable` or `busy`, within `timeout` but for resolving the host's name.
  init(_ parameters: ConnectionParameters, timeout: Duration) throws(DatabaseError) {
    guard let raw = parameters.start() else { throw DatabaseError(.unavailable, "out of memory") }
    do {
      try Self.connect(raw, deadline: DispatchTime.now().uptimeNanoseconds &+ timeout.nanoseconds)
    } catch {
      PQfinish(raw)
      throw error
    }
    // "already exists, skipping" is no business of the standard error stream.
    PQsetNoticeReceiver(raw, { _, _ in }, nil)
    PQsetnonblocking(raw, 1)
    PQenterPipelineMode(raw)
    self.raw = raw
    canceller = PostgresCanceller(raw)
  }

  deinit { PQfinish(raw) }

  /// Ends the use of the connection; the server rolls back what was open.
  func abandon() { isBroken = true }

  var descriptor: Int32 { PQsocket(raw) }

  /// Whether an idle connection still stands, as far as this side has been told.
  func isAlive() -> Bool {
    for _ in 0..<3 where !isBroken {
      var descriptor = pollfd(fd: PQsocket(raw), events: Int16(POLLIN), revents: 0)
      guard poll(&descriptor, 1, 0) > 0 else { return true }
      // A last word (57P01) or the end of the stream.
      if PQconsumeInput(raw) == 0 || PQstatus(raw) != CONNECTION_OK { isBroken = true }
      _ = PQisBusy(raw)
    }
    return !isBroken
  }

  /// Sends the requests at once and reads up to the point where the server waits again.
  ///
  /// - Throws: only what ends the connection: `unavailable`, or `timeout` when the server gave no answer in time. What
  ///   the server said is in the outcome.
  func exchange(_ requests: [Request], timeout: UInt64) throws(DatabaseError) -> Outcome {
    let deadline = DispatchTime.now().uptimeNanoseconds &+ timeout
    for request in requests { guard send(request) else { throw lost() } }
    guard PQpipelineSync(raw) == 1 else { throw lost() }
    try flush(deadline)
    var outcome = Outcome()
    while true {
      try awaitResult(deadline)
      // Nil only separates the results of requests.
      guard let result = PQgetResult(raw) else {
        if PQstatus(raw) != CONNECTION_OK { throw lost(outcome.error) }
        continue
      }
      switch PQresultStatus(result) {
      case PGRES_PIPELINE_SYNC:
        PQclear(result)
        return outcome
      case PGRES_COMMAND_OK, PGRES_TUPLES_OK: outcome.results.append(PostgresResult(result))
      case PGRES_PIPELINE_ABORTED: PQclear(result)
      default:
        let error = DatabaseError(result: result)
        if PQresultErrorField(result, PostgresField.severity).map({ String(cString: $0) }) == "FATAL" {
          isBroken = true
        }
        PQclear(result)
        if outcome.error == nil { outcome.error = error }
        if isBroken || PQstatus(raw) != CONNECTION_OK { throw lost(error) }
      }
    }
  }

  /// What LISTEN brought, without waiting.
  func notifications() -> [(channel: String, payload: String)] {
    var received: [(String, String)] = []
    while let notification = PQnotifies(raw) {
      received.append((String(cString: notification.pointee.relname), String(cString: notification.pointee.extra)))
      PQfreemem(notification)
    }
    return received
  }

  /// Reads what has arrived.
  func consume() {
    if PQconsumeInput(raw) == 0 { isBroken = true }
    _ = PQisBusy(raw)
  }

  private func send(_ request: Request) -> Bool {
    switch request {
    case .prepare(let name, let text, let types):
      PQsendPrepare(raw, name, text, Int32(types.count), types) == 1
    case .execute(let name, let values):
      PostgresParameters(values).withPointers {
        PQsendQueryPrepared(raw, name, $0.count, $0.values, $0.lengths, $0.formats, 1)
      } == 1
    case .query(let text, let values):
      PostgresParameters(values).withPointers {
        PQsendQueryParams(raw, text, $0.count, values.map(\.postgresType), $0.values, $0.lengths, $0.formats, 1)
      } == 1
    }
  }

  private func flush(_ deadline: UInt64) throws(DatabaseError) {
    while true {
      switch PQflush(raw) {
      case 0: return
      case 1:
        // Also for reading: the server may wait for us to take its results before it takes more.
        let ready = try wait(for: POLLIN | POLLOUT, deadline)
        if ready & Int32(POLLIN) != 0, PQconsumeInput(raw) == 0 { throw lost() }
      default: throw lost()
      }
    }
  }

  private func awaitResult(_ deadline: UInt64) throws(DatabaseError) {
    while PQisBusy(raw) == 1 {
      _ = try wait(for: POLLIN, deadline)
      // The last results may have come together with the end of the stream.
      if PQconsumeInput(raw) == 0 { return }
    }
  }

  private func wait(for events: Int32, _ deadline: UInt64) throws(DatabaseError) -> Int32 {
    do {
      return try Self.wait(PQsocket(raw), for: events, deadline)
    } catch {
      // Whatever the server does with the request, it will be on a connection that nobody listens to.
      isBroken = true
      throw error
    }
  }

  private func lost(_ error: DatabaseError? = nil) -> DatabaseError {
    isBroken = true
    return error ?? DatabaseError(.unavailable, "the connection broke: \(Self.message(raw))")
  }

  private static func connect(_ raw: OpaquePointer, deadline: UInt64) throws(DatabaseError) {
    var next = PGRES_POLLING_WRITING
    while PQstatus(raw) != CONNECTION_BAD, next != PGRES_POLLING_OK, next != PGRES_POLLING_FAILED {
      // The socket changes when one of several addresses does not answer.
      _ = try wait(PQsocket(raw), for: next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)
      next = PQconnectPoll(raw)
    }
    guard PQstatus(raw) == CONNECTION_OK else { throw DatabaseError(connecting: message(raw)) }
  }

  private static func wait(_ socket: Int32, for events: Int32, _ deadline: UInt64) throws(DatabaseError) -> Int32 {
    while true {
      let now = DispatchTime.now().uptimeNanoseconds
      guard now < deadline else { throw DatabaseError(.timeout, "the server did not answer in time") }
      var descriptor = pollfd(fd: socket, events: Int16(events), revents: 0)
      let milliseconds = min((deadline - now) / 1_000_000 + 1, 60_000)
      let ready = poll(&descriptor, 1, Int32(milliseconds))
      if ready > 0 { return Int32(descriptor.revents) }
      if ready < 0, errno != EINTR { throw DatabaseError(.unavailable, String(cString: strerror(errno))) }
    }
  }

  private static func message(_ raw: OpaquePointer) -> String {
    String(cString: PQerrorMessage(raw)).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// Asks the server to cancel what runs on a connection. Unchecked: libpq documents `PQcancel` as safe on any thread.
final class PostgresCanceller: @unchecked Sendable {
  private let raw: OpaquePointer

  init?(_ connection: OpaquePointer) {
    guard let raw = PQgetCancel(connection) else { return nil }
    self.raw = raw
  }

  deinit { PQfreeCancel(raw) }

  /// On a thread aside, since it connects anew and blocks while it does; again and again while `isRunning`, for a
  /// request that comes between two statements has no effect.
  func cancel(while isRunning: @escaping @Sendable () -> Bool) {
    DispatchQueue.global().async {
      guard isRunning() else { return }
      var complaint = [CChar](repeating: 0, count: 256)
      _ = PQcancel(self.raw, &complaint, 256)
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(50)) { self.cancel(while: isRunning) }
    }
  }
}
