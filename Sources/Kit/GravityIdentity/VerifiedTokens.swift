import Crypto
import Foundation
import Synchronization

/// What was verified before, by the token's SHA-256, so that a signature is not checked for every request.
///
/// Bounded: two generations, of which the older is dropped when the younger is full; what is asked for moves to the
/// younger.
final class VerifiedTokens: Sendable {
  private struct Entry {
    var principal: Principal
    /// After this moment the signature is checked again, so that a key that was withdrawn stops counting.
    var trustedUntil: Date
  }
  private struct Generations {
    var young: [SHA256Digest: Entry] = [:]
    var old: [SHA256Digest: Entry] = [:]
  }
  private let generations = Mutex(Generations())
  private let half: Int

  /// - Parameter capacity: How many tokens at most; 0 keeps none.
  init(capacity: Int) { half = capacity / 2 }

  func principal(for digest: SHA256Digest, at now: Date) -> Principal? {
    guard half > 0 else { return nil }
    return generations.withLock { generations in
      if let entry = generations.young[digest] { return entry.trustedUntil > now ? entry.principal : nil }
      guard let entry = generations.old.removeValue(forKey: digest), entry.trustedUntil > now else { return nil }
      insert(entry, for: digest, into: &generations)
      return entry.principal
    }
  }

  func insert(_ principal: Principal, for digest: SHA256Digest, until trustedUntil: Date) {
    guard half > 0 else { return }
    generations.withLock { insert(Entry(principal: principal, trustedUntil: trustedUntil), for: digest, into: &$0) }
  }

  private func insert(_ entry: Entry, for digest: SHA256Digest, into generations: inout Generations) {
    if generations.young.count >= half {
      generations.old = generations.young
      generations.young = [:]
    }
    generations.young[digest] = entry
  }
}
