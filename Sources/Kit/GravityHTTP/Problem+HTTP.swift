public import GravityContracts
import GravityData
public import GravityIdentity
import Hummingbird

extension Problem {
  /// 401; the reply carries `WWW-Authenticate: Bearer` (RFC 6750 §3).
  public static func unauthenticated(_ refusal: TokenRefusal.Code? = nil) -> Problem {
    switch refusal {
    case nil:
      Problem(
        401, "unauthenticated", "A token is needed", detail: "Send Authorization: Bearer with an access token.")
    case .expired:
      Problem(401, "token_expired", "The token has expired", detail: "Ask for a new one with your refresh token.")
    case .revoked: Problem(401, "token_revoked", "The token was revoked", detail: "Log in again.")
    case .invalid: Problem(401, "invalid_token", "The token is not valid")
    case .unavailable:
      Problem(
        503, "identity_unavailable", "Tokens cannot be checked now", detail: "Try again in a moment.", retryAfter: 1)
    }
  }

  /// 403: the token is good and does not allow this.
  public static func forbidden(_ access: Access) -> Problem {
    let needed: String? = if case .permission(let permission) = access { "It needs \(permission)." } else { nil }
    return Problem(403, "forbidden", "You may not do this", detail: needed)
  }

  /// What a client is told of an error; nil where it must not know more than that something failed.
  init?(telling error: any Error) {
    switch error {
    case let problem as Problem: self = problem
    case let refusal as IdempotencyRefusal:
      switch refusal {
      case .mismatch:
        self.init(
          422, "idempotency_key_reused", "The Idempotency-Key was used for another request",
          detail: "Make a new key for a new request.")
      case .inProgress:
        self.init(
          409, "idempotency_in_progress", "The first request under this Idempotency-Key still runs",
          detail: "Ask again with the same key.", retryAfter: 1)
      }
    case let error as DatabaseError where error.isTransient:
      self.init(
        503, "temporarily_unavailable", "The service cannot do this now", detail: "Try again in a moment.",
        retryAfter: 1)
    case let error as DatabaseError where error.code == .commitUnknown:
      self.init(
        503, "outcome_unknown", "It is not known whether this took effect",
        detail: "Look before you try again, or use an Idempotency-Key.", retryAfter: 1)
    case let error as HTTPError:
      switch error.status.code {
      case 404: self.init(404, "not_found", "There is nothing at this address")
      case 413: self.init(413, "content_too_large", "The body is too large")
      default: self.init(error.status.code, .init(rawValue: "http_\(error.status.code)"), error.status.reasonPhrase)
      }
    default: return nil
    }
  }
}
