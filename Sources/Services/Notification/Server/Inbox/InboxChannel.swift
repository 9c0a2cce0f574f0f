import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// Puts messages into inboxes.
struct InboxChannel: Channel {
  let kind = DeliveryChannel.inApp
  let core: NotificationCore
  let route = "a row in the user's inbox"

  func send(_ messages: [ChannelMessage]) async -> [SendOutcome] {
    // In one order, so that two goes that meet do not wait for each other.
    let rows = messages.compactMap(InboxRow.init).sorted { $0.userID.lowercased < $1.userID.lowercased }
    let greatest = core.configuration.greatestInbox
    do {
      try await core.write { transaction, _ in
        let store = InboxStore(transaction)
        // Of somebody who was erased meanwhile nothing is kept; the record finds that out as well.
        for row in rows where try !NotificationStore(transaction).isErased(row.userID) {
          try store.insert(row, greatest: greatest)
        }
      }
    } catch { return messages.map { _ in .failed("\(error)") } }
    return messages.map { $0.userID == nil ? .bounced("it is for no user") : .sent }
  }

  func erase(_ ids: [UUID]) async throws {
    try await core.write { transaction, _ in _ = try InboxStore(transaction).delete(ids) }
  }
}
