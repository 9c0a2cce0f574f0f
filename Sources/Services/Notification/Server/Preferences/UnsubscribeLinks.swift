import Foundation
import GravityContracts
public import GravityIdentity
import NotificationAPI

/// What stands in `List-Unsubscribe` (RFC 2369, RFC 8058): who wants no more of what, signed, so that nobody can do it for
/// somebody else. There is no address in it.
public struct UnsubscribeLinks: Sendable {
  /// Whom a mail went to.
  enum Reader: Sendable, Hashable {
    case user(UUID)
    /// An address that belongs to no account, by its keyed digest.
    case address(String)
  }

  struct Claim: Sendable, Hashable {
    var reader: Reader
    var category: MessageCategory
    var expiresAt: Date
  }

  /// Seconds; mails are read late.
  static let lifetime: TimeInterval = 400 * 86_400

  private let masterKey: MasterKey
  /// Where people reach the platform, without a `/` at its end.
  let base: String?

  /// - Parameter base: Where people reach the platform: `https://shop.example.com`. Without it mails have no link.
  public init(masterKey: MasterKey, base: String?) {
    self.masterKey = masterKey
    self.base = base.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
  }

  /// - Parameter date: When the delivery was made, so that a mail that is sent again is the same.
  func url(for reader: Reader, _ category: MessageCategory, date: Date) -> String? {
    base.map { base in
      base
        + NotificationAPI.unsubscribe.path.replacing(
          "{token}", with: token(Claim(reader: reader, category: category, expiresAt: date + Self.lifetime)))
    }
  }

  func token(_ claim: Claim) -> String {
    let body = [claim.category.rawValue, String(Int64(claim.expiresAt.timeIntervalSince1970)), claim.reader.text]
      .joined(separator: " ")
    return "\(Data(body.utf8).base64URLEncodedString()).\(signature(body))"
  }

  /// - Returns: nil when it is not ours, or too old.
  func claim(_ token: String, now: Date) -> Claim? {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, token.utf8.count <= 1_000, let bytes = Data(base64URLEncoded: parts[0]) else { return nil }
    let body = String(decoding: bytes, as: UTF8.self)
    guard ConstantTime.areEqual(signature(body).utf8, parts[1].utf8) else { return nil }
    let words = body.split(separator: " ").map(String.init)
    guard words.count == 3, let category = MessageCategory(rawValue: words[0]), let seconds = Int64(words[1]),
      let reader = Reader(words[2])
    else { return nil }
    let claim = Claim(
      reader: reader, category: category, expiresAt: Date(timeIntervalSince1970: TimeInterval(seconds)))
    return claim.expiresAt > now ? claim : nil
  }

  /// Who reads what is sent to an address that belongs to no account.
  func reader(of address: String) -> Reader {
    .address(
      Data(masterKey.authenticationCode("notification-address/1", Data(SuppressionStore.key(address).utf8)))
        .base64URLEncodedString())
  }

  private func signature(_ body: String) -> String {
    Data(masterKey.authenticationCode("notification-unsubscribe/1", Data(body.utf8))).base64URLEncodedString()
  }
}

extension UnsubscribeLinks.Reader {
  /// As it is kept.
  var text: String {
    switch self {
    case .user(let id): "user:\(id.lowercased)"
    case .address(let digest): "address:\(digest)"
    }
  }

  init?(_ text: String) {
    let parts = text.split(separator: ":").map(String.init)
    guard parts.count == 2 else { return nil }
    switch parts[0] {
    case "user": if let id = UUID(uuidString: parts[1]) { self = .user(id) } else { return nil }
    case "address": self = .address(parts[1])
    default: return nil
    }
  }

  var user: UUID? { if case .user(let id) = self { id } else { nil } }
}
