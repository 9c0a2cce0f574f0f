import Crypto
import Foundation
import NIOPosix
import Synchronization

/// Hashes passwords with bcrypt, on threads of its own and no more at once than those: never on an event loop or the
/// cooperative pool, which a login storm would otherwise stop.
///
/// bcrypt reads 72 bytes and stops at NUL; so what it gets is base64(HMAC-SHA-256("gravity-password-v1", the password
/// in NFC)), and the hash is kept as `v1$2b$…`. Plain `$2a$`, `$2b$` and `$2y$` hashes, as other systems export them,
/// are checked as they are.
public final class PasswordHasher: Sendable {
  /// Which costs may be configured: each step doubles the time, 12 takes about 0.2 s.
  public static let costs = 4...16

  private let cost: Int
  private let pool: NIOThreadPool
  private let greatestDepth: Int
  private let depth = Mutex(0)

  /// - Parameters:
  ///   - cost: Clamped to ``costs``.
  ///   - threads: How many hash at once.
  ///   - queue: How many may wait for a thread; the next is refused with ``PasswordHasherBusy``.
  public init(cost: Int = 12, threads: Int = 2, queue: Int = 64) {
    self.cost = min(max(cost, Self.costs.lowerBound), Self.costs.upperBound)
    pool = NIOThreadPool(numberOfThreads: max(1, threads))
    greatestDepth = max(1, threads) + max(0, queue)
    pool.start()
  }

  deinit { pool.shutdownGracefully { _ in } }

  /// - Throws: ``PasswordHasherBusy``; `CancellationError` when the caller is cancelled while it waits.
  public func hash(_ password: String) async throws -> String {
    let cost = cost
    return try await run { try Self.prefix + Bcrypt.hash(Self.digest(password), cost: cost) }
  }

  public struct Verdict: Sendable, Hashable {
    public var matches: Bool
    /// The password is right and its hash is of an older form or a lower cost: hash it again and keep that.
    public var needsRehash: Bool

    public init(matches: Bool, needsRehash: Bool) {
      self.matches = matches
      self.needsRehash = needsRehash
    }
  }

  /// - Parameter hash: What is kept of the account's password. nil where there is no account: it takes as long, and
  ///   matches nothing.
  /// - Throws: ``PasswordHasherBusy``; `CancellationError` when the caller is cancelled while it waits.
  public func verify(_ password: String, against hash: String?) async throws -> Verdict {
    let cost = cost
    return try await run {
      let stored = hash.flatMap(StoredHash.init)
      let plain = stored?.isPlain ?? false
      // A NUL would hide what stands behind it from a plain hash.
      let isReadable = stored != nil && !(plain && password.utf8.contains(0))
      let setting = stored?.hash ?? Self.nobody(cost: cost)
      let computed = try Bcrypt.hash(plain && isReadable ? password : Self.digest(password), setting: setting)
      let matches = ConstantTime.areEqual(computed.utf8, setting.utf8) && isReadable
      return Verdict(matches: matches, needsRehash: matches && (plain || (stored?.cost ?? cost) < cost))
    }
  }

  private static let prefix = "v1"

  private struct StoredHash {
    var hash: String
    var cost: Int
    var isPlain: Bool

    init?(_ text: String) {
      isPlain = !text.hasPrefix(PasswordHasher.prefix)
      hash = isPlain ? text : String(text.dropFirst(PasswordHasher.prefix.count))
      guard let parameters = Bcrypt.Parameters(hash) else { return nil }
      cost = parameters.cost
    }
  }

  /// A hash in form only, which no password has.
  private static func nobody(cost: Int) -> String {
    "$2b$\(cost < 10 ? "0" : "")\(cost)$" + String(repeating: ".", count: 22) + String(repeating: "/", count: 31)
  }

  private static func digest(_ password: String) -> String {
    let normalised = Data(password.precomposedStringWithCanonicalMapping.utf8)
    let key = SymmetricKey(data: Data("gravity-password-v1".utf8))
    return Data(HMAC<SHA256>.authenticationCode(for: normalised, using: key)).base64EncodedString()
  }

  private func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    let isAdmitted = depth.withLock { depth in
      guard depth < greatestDepth else { return false }
      depth += 1
      return true
    }
    guard isAdmitted else { throw PasswordHasherBusy() }
    defer { depth.withLock { $0 -= 1 } }
    return try await pool.runIfActive(body)
  }
}

/// Too many passwords wait to be hashed. Over HTTP: 503 with `Retry-After`.
public struct PasswordHasherBusy: Error, Sendable, Hashable {
  /// Seconds until it makes sense to ask again.
  public var retryAfter = 2
}
