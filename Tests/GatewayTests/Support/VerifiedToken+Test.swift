import Foundation
import GravityIdentity

@testable import Gateway

extension VerifiedToken {
  static func forTest(expiresAt: Int64) -> VerifiedToken {
    VerifiedToken(
      Principal(subject: "s", tokenID: "t", issuedAt: Date(timeIntervalSince1970: 0), expiresAt: .distantFuture),
      expiresAt: expiresAt)
  }
}
