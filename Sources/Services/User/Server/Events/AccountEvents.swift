import AuthAPI
import GravityContracts
import GravityData
public import GravityEvents

extension Lifecycle {
  /// What the service does when auth tells of an account. They may come in any order: each leads to a fresh look at
  /// the account, and auth's word counts.
  public var accountEvents: [EventHandler] {
    func on(
      _ type: EventType<AccountEvent>,
      _ apply: @escaping @Sendable (Lifecycle, AccountEvent, any Transaction) throws -> Void
    ) -> EventHandler {
      .on(type) { event, transaction in try apply(self, event.payload, transaction) }
    }
    return [
      on(AuthEvents.userRegistered) { try $0.registered($1.accountID, in: $2) },
      on(AuthEvents.userVerified) { try $0.emailChanged($1.accountID, in: $2) },
      on(AuthEvents.userSuspended) { try $0.suspended($1.accountID, in: $2) },
      on(AuthEvents.userReactivated) { try $0.reactivated($1.accountID, in: $2) },
      on(AuthEvents.userDeleted) { try $0.deleted($1.accountID, in: $2) },
      on(AuthEvents.userEmailChanged) { try $0.emailChanged($1.accountID, in: $2) },
    ]
  }
}
