import Foundation
import GravityContracts
import GravityData
import Logging
import NotificationAPI

/// Inboxes as they change, told by server-sent events.
struct InboxStreams: Sendable {
  let core: NotificationCore
  let hub: InboxHub

  /// Items that are told one by one; when there are more it is less to get the list again.
  static let greatestChanges = 100
  /// Events that wait for a client that reads slowly; one more ends the stream, and the client comes back.
  private static let greatestBacklog = 256
  /// A stream that was not woken looks at least as often.
  private static let poll = Duration.seconds(30)

  /// - Parameter lastEventID: The position of the last change that the client knows; nil for one that begins.
  /// - Throws: `Problem` 429 or 503 `too_many_streams`.
  func open(of user: UUID, after lastEventID: String?) throws -> AsyncStream<ServerSentEvent> {
    let (serial, changed) = try hub.enter(user)
    let (events, feed) = AsyncStream.makeStream(
      of: ServerSentEvent.self, bufferingPolicy: .bufferingOldest(Self.greatestBacklog))
    let task = Task {
      // What is no position of ours says that something may be missing.
      var last = lastEventID.map { Int64($0) ?? .max }
      while !Task.isCancelled {
        do {
          let (told, position) = try await look(of: user, after: last)
          for event in told {
            if case .dropped = feed.yield(event) {
              feed.finish()
              return
            }
          }
          last = position
        } catch is CancellationError {
          break
        } catch {
          core.logger.warning("an inbox cannot be looked at", metadata: ["error.message": "\(error)"])
        }
        await changed.wait(atMost: Self.poll)
      }
      feed.finish()
    }
    feed.onTermination = { [hub] _ in
      task.cancel()
      hub.leave(user, serial)
    }
    return events
  }

  /// - Returns: what is to be told, and the position up to which it is.
  func look(of user: UUID, after last: Int64?) async throws -> ([ServerSentEvent], Int64) {
    try await core.read { transaction, now in
      let store = InboxStore(transaction)
      let place = try store.place(of: user)
      var events: [ServerSentEvent] = []
      if let last {
        guard last != place.position else { return ([], last) }
        let changes =
          last > place.position || place.removed > last
          ? nil : try store.changes(of: user, after: last, at: now, limit: Self.greatestChanges + 1)
        if let changes, changes.count <= Self.greatestChanges {
          events = try changes.map { ServerSentEvent("item", data: try Self.json($0.item)) }
        } else {
          events = [ServerSentEvent("reload", data: "{}")]
        }
      }
      let counts = try store.counts(of: user, at: now)
      events.append(ServerSentEvent("counts", id: "\(place.position)", data: try Self.json(counts)))
      return (events, place.position)
    }
  }

  private static func json(_ value: some Encodable) throws -> String {
    String(decoding: try WireFormat.makeEncoder().encode(value), as: UTF8.self)
  }
}
