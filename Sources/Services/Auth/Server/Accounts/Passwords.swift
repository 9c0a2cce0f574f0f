import GravityContracts
import GravityIdentity

/// The hasher in the terms of this service: too much to do is a ``Problem`` 503.
struct Passwords: Sendable {
  let hasher: PasswordHasher

  func hash(_ password: String) async throws -> String {
    try await Self.answeringBusy { try await hasher.hash(password) }
  }

  func verify(_ password: String, against hash: String?) async throws -> PasswordHasher.Verdict {
    // No account has so long a password; the time taken must not tell.
    let isPossible = password.utf8.count <= PasswordPolicy.greatestSize
    return try await Self.answeringBusy {
      try await hasher.verify(isPossible ? password : "", against: isPossible ? hash : nil)
    }
  }

  private static func answeringBusy<T>(_ body: () async throws -> T) async throws -> T {
    do { return try await body() } catch let busy as PasswordHasherBusy {
      throw Problem(503, "busy", "Too many passwords are being checked", retryAfter: busy.retryAfter)
    }
  }
}
