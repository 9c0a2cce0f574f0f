import Foundation
import GravityData
import Logging
import NotificationAPI
import ServiceLifecycle

/// Sends what is due, in as many instances as there are, for as long as the service runs.
struct DeliveryWorker: Service {
  let run: DeliveryRun

  /// How long what is due gathers after a look that did not find a whole batch: a mail is in no such hurry, and each
  /// look has its price.
  private static let gathering = Duration.milliseconds(50)
  /// A worker that was not woken looks at least as often.
  private static let poll = Duration.seconds(5)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      let due = Dictionary(uniqueKeysWithValues: run.channels.keys.map { ($0, Signal()) })
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          for await channel in run.core.database.notifications(on: DeliveryStore.channel) {
            // What names no channel stands for all.
            let named = DeliveryChannel(rawValue: channel)
            for (channel, signal) in due where named == nil || named == channel { signal.raise() }
          }
        }
        // Each its own: a provider that is slow holds no mail back.
        for (channel, signal) in due { group.addTask { await work(channel, signal) } }
      }
    }
  }

  private func work(_ channel: DeliveryChannel, _ due: Signal) async {
    var backoff = Backoff(first: .milliseconds(50), greatest: .seconds(5))
    await withTaskGroup(of: Void.self) { group in
      var busy = 0
      while !Task.isCancelled {
        if busy == run.core.configuration.lanes {
          await group.next()
          busy -= 1
        }
        do {
          let claim = try await run.claim(channel)
          backoff.succeeded()
          guard !claim.assignments.isEmpty else {
            await due.wait(atMost: pause(claim.wait))
            continue
          }
          busy += 1
          // A stop does not tear apart what was handed over and what was recorded.
          group.addTask { await Task { await attempt(claim.assignments) }.value }
          if claim.assignments.count < run.core.configuration.batch { try await Task.sleep(for: Self.gathering) }
        } catch is CancellationError {
          break
        } catch {
          run.core.logger.warning(
            "deliveries cannot be claimed",
            metadata: ["channel": "\(channel.rawValue)", "error.message": "\(error)"])
          await due.wait(atMost: backoff.next())
        }
      }
    }
  }

  /// What could not be recorded is due again when its lease is over.
  private func attempt(_ assignments: [Assignment]) async {
    do { try await run.run(assignments) } catch {
      run.core.logger.warning(
        "the outcome of deliveries cannot be recorded",
        metadata: ["count": "\(assignments.count)", "error.message": "\(error)"])
    }
  }

  private func pause(_ wait: TimeInterval?) -> Duration {
    guard let wait else { return Self.poll }
    return min(max(.seconds(wait), .milliseconds(5)), Self.poll)
  }
}
