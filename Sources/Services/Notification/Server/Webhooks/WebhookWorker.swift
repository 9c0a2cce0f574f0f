import Foundation
import GravityData
import Logging
import ServiceLifecycle
import Synchronization

/// Sends what webhooks are to be told, in as many instances as there are, for as long as the service runs.
struct WebhookWorker: Service {
  let run: WebhookRun

  /// Attempts under way at a time.
  private static let width = 48
  /// A worker that was not woken looks at least as often.
  private static let poll = Duration.seconds(5)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      let due = Signal()
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          for await _ in run.core.database.notifications(on: WebhookDeliveryStore.channel) { due.raise() }
        }
        group.addTask { await work(due) }
      }
    }
  }

  private func work(_ due: Signal) async {
    var backoff = Backoff(first: .milliseconds(50), greatest: .seconds(5))
    let room = Room(Self.width)
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled {
        let free = room.free
        guard free > 0 else {
          await due.wait(atMost: Self.poll)
          continue
        }
        do {
          let claim = try await run.claim(limit: free)
          backoff.succeeded()
          guard !claim.assignments.isEmpty else {
            await due.wait(atMost: pause(claim.wait))
            continue
          }
          room.take(claim.assignments.count)
          for assignment in claim.assignments {
            group.addTask {
              // A stop does not tear apart what was sent and what was recorded.
              await Task { await attempt(assignment) }.value
              room.giveBack()
              due.raise()
            }
          }
        } catch is CancellationError {
          break
        } catch {
          run.core.logger.warning("webhook deliveries cannot be claimed", metadata: ["error.message": "\(error)"])
          await due.wait(atMost: backoff.next())
        }
      }
    }
  }

  /// What could not be recorded is due again when its lease is over.
  private func attempt(_ assignment: WebhookRun.Assignment) async {
    do { try await run.run(assignment) } catch {
      run.core.logger.warning(
        "the outcome of a webhook's delivery cannot be recorded", metadata: ["error.message": "\(error)"])
    }
  }

  private func pause(_ wait: TimeInterval?) -> Duration {
    guard let wait else { return Self.poll }
    return min(max(.seconds(wait), .milliseconds(5)), Self.poll)
  }
}

/// Attempts that may still begin.
private final class Room: Sendable {
  private let count: Mutex<Int>

  init(_ count: Int) { self.count = Mutex(count) }
  var free: Int { count.withLock { $0 } }
  func take(_ number: Int) { count.withLock { $0 -= number } }
  func giveBack() { count.withLock { $0 += 1 } }
}
