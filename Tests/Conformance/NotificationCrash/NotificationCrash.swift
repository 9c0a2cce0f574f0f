import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging
import NIOPosix
import NotificationServer
import Patience
import PostgresEngine
import SMTPEngine
import SQLiteEngine
import ServiceLifecycle
import UserAPI

/// `notificationcrash DATABASE SMTP FOLDER SECONDS` sends what is due by that mail server and ends when nothing is due any
/// more. With `GRAVITY_FAULT` in its environment, or by the mail server, which finds its id in FOLDER, it is killed before;
/// the test starts it again and looks at what became of the mails. Its clock is so many seconds ahead, so that the leases
/// of the one before are over.
@main
struct NotificationCrash {
  static func main() async throws {
    let (place, server, folder) = (CommandLine.arguments[1], CommandLine.arguments[2], CommandLine.arguments[3])
    let ahead = TimeInterval(CommandLine.arguments[4]) ?? 0
    try Data("\(ProcessInfo.processInfo.processIdentifier)".utf8).write(to: URL(filePath: "\(folder)/pid"))
    let database: any Database =
      place.hasPrefix("postgres") ? try PostgresDatabase(url: place) : try SQLiteDatabase(path: place)
    var configuration = NotificationConfiguration()
    // So that a kill finds some that are sent, some under way and some not begun.
    (configuration.batch, configuration.lanes) = (4, 1)
    let key = MasterKey()
    let service = try NotificationService(
      database: database, verifier: Nobody(), directory: Anybody(), orders: Nobody(),
      mail: SMTPTransport(url: server, group: MultiThreadedEventLoopGroup.singleton), outgoing: Nobody(),
      envelope: Envelope(key), links: UnsubscribeLinks(masterKey: key, base: nil), offered: [],
      configuration: configuration, logger: Logger(label: "notificationcrash") { _ in SwiftLogNoOpLogHandler() },
      clock: .fixed { Date() + ahead })
    let running = Task { try await service.tasks.run() }
    try await eventually("nothing is due any more", within: .seconds(120)) { @Sendable in
      try await database.rows("SELECT 1 FROM deliveries WHERE due_at IS NOT NULL LIMIT 1").isEmpty
    }
    running.cancel()
    _ = await running.result
    await database.close()
  }
}

/// Everybody has an account, and wants everything.
private struct Anybody: RecipientDirectory {
  func recipient(_ account: UUID) async throws -> AccountRecipient? {
    AccountRecipient(email: "\(account)@example.org", name: "")
  }
  func switchOff(_: NotificationChannel, _: NotificationCategory, of user: UUID) async throws -> Bool { false }
}

/// What is not asked here.
private struct Nobody: TokenVerifier, OrderReader, OutgoingHTTP {
  func verify(_ token: String) async throws(TokenRefusal) -> Principal { throw TokenRefusal(.invalid, "nobody") }
  func order(_ id: UUID) async throws -> OrderSummary? { nil }
  func post(_ request: OutgoingRequest) async -> OutgoingAnswer { .failed("nobody") }
}
