import Gateway
import GravityIdentity
import Synchronization

/// Exchanges keys for tokens as a test says, and counts.
final class TestAPIKeys: APIKeyTokens {
  let prefix = "gk_"
  private let state = Mutex((tokens: [String: String](), calls: [String](), isAway: false))

  init(_ tokens: [String: String]) { state.withLock { $0.tokens = tokens } }

  /// The keys that were asked about, in their order.
  var calls: [String] { state.withLock { $0.calls } }
  func set(_ key: String, _ token: String?) { state.withLock { $0.tokens[key] = token } }
  func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

  func token(for key: String) async throws(TokenRefusal) -> String {
    let found = state.withLock { state -> Result<String, TokenRefusal> in
      state.calls.append(key)
      guard !state.isAway else { return .failure(TokenRefusal(.unavailable, "away")) }
      guard let token = state.tokens[key] else { return .failure(TokenRefusal(.invalid, "no such key")) }
      return .success(token)
    }
    return try found.get()
  }
}
