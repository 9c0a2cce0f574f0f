public import Foundation
import GravityContracts

/// A message to one person. Its token is a secret: it goes to that person and nowhere else.
public struct AuthMessage: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Carries the token that proves the address.
    case verification
    /// Carries the token that sets a new password.
    case recovery
    /// Somebody tried to open an account with an address that has one.
    case alreadyRegistered = "already_registered"
    /// Carries the token that makes this address that of the account.
    case emailChange = "email_change"
    /// Somebody wanted to make this address, which has an account, that of another one.
    case emailWanted = "email_wanted"
    /// This is the account's address now.
    case emailChanged = "email_changed"
    /// This was the account's address until now; ``contact`` helps whoever did not want that.
    case emailReplaced = "email_replaced"
    /// The account has a second factor now.
    case secondFactorAdded = "second_factor_added"
    /// The account has no second factor any more; ``contact`` helps whoever did not want that.
    case secondFactorRemoved = "second_factor_removed"
    /// A recovery code stood in for the second factor; the same.
    case recoveryCodeUsed = "recovery_code_used"
    /// Another passkey opens the account; the same.
    case passkeyAdded = "passkey_added"
    /// A passkey opens it no more; the same.
    case passkeyRemoved = "passkey_removed"
    /// Somebody who signed in with another provider was connected with the account; the same.
    case identityLinked = "identity_linked"
    /// A key acts for the account from now on; the same.
    case apiKeyCreated = "api_key_created"
  }
  /// Stays the same when the message is sent again.
  public var id: UUID
  public var kind: Kind
  public var email: String
  public var name: String
  /// Whose it is or, of an address that has an account already, who holds that; nil where there is none.
  public var account: UUID?
  public var token: String?
  public var expiresAt: Date?
  /// Whom to ask.
  public var contact: String?

  public init(
    id: UUID, kind: Kind, email: String, name: String, token: String?, expiresAt: Date?, contact: String? = nil,
    account: UUID? = nil
  ) {
    self.id = id
    self.kind = kind
    self.email = email
    self.name = name
    self.token = token
    self.expiresAt = expiresAt
    self.contact = contact
    self.account = account
  }
}

/// Sends messages to people: ``RemoteNotifier``, or ``FileNotifier`` where there is no notification service.
public protocol Notifier: Sendable {
  /// Returns when the message is taken over for good; one that throws is tried again with the same id and, if it has a
  /// token, another one. The token of a message that was taken over before is as good.
  /// - Throws: ``MessageRefused`` when trying again is no use.
  func send(_ message: AuthMessage) async throws
}

/// A message that will not be taken over as it is; somebody has to look.
public struct MessageRefused: Error, Sendable, Hashable {
  /// For an operator; holds no token.
  public var reason: String
  public init(reason: String) { self.reason = reason }
}

/// For development: each message is a file of its own (``MailFiles``), and never in a log.
public struct FileNotifier: Notifier {
  private let mails: MailFiles

  public init(_ files: MailFiles) { mails = files }

  public func send(_ message: AuthMessage) async throws {
    let files = FileManager.default
    try files.createDirectory(
      at: mails.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let file = mails.file(of: message)
    // Exclusive: a message that is sent again finds its file, whoever made that.
    guard !files.fileExists(atPath: file.path) else { return }
    guard
      files.createFile(atPath: file.path, contents: Data(text(message).utf8), attributes: [.posixPermissions: 0o600])
    else { throw CocoaError(.fileWriteUnknown) }
  }

  private func text(_ message: AuthMessage) -> String {
    var lines = ["To: \(message.name) <\(message.email)>", "Kind: \(message.kind.rawValue)"]
    if let token = message.token { lines.append("Token: \(token)") }
    if let expiresAt = message.expiresAt { lines.append("Expires: \(WireTime.string(expiresAt))") }
    if let contact = message.contact { lines.append("Ask: \(contact)") }
    return lines.joined(separator: "\n") + "\n"
  }
}
