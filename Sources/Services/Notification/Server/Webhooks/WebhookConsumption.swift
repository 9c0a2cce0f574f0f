import Foundation
import GravityData
import Logging
import ServiceLifecycle

/// Takes in the events of other services for webhooks, from the first webhook on: without one, nobody pays for them.
struct WebhookConsumption: Service {
  let core: NotificationCore
  let consumers: [any Service]

  private static let poll = Duration.seconds(5)

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      let first = Signal()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await _ in core.database.notifications(on: WebhookStore.channel) { first.raise() }
        }
        await waitForFirst(first)
        // Each ends by itself when the service is asked to stop.
        for consumer in consumers where !Task.isCancelled { group.addTask { try await consumer.run() } }
        try await group.waitForAll()
      }
    }
  }

  private func waitForFirst(_ first: Signal) async {
    while !Task.isCancelled {
      do {
        if try await core.read({ transaction, _ in try WebhookStore(transaction).wasThereAny() }) { return }
      } catch {
        core.logger.warning("webhooks cannot be looked up", metadata: ["error.message": "\(error)"])
      }
      await first.wait(atMost: Self.poll)
    }
  }
}
