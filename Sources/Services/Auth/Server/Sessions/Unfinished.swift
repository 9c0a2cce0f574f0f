import Foundation
import GravityData

/// What was begun for an account and has led to no session and no way in yet: codes and devices that were let in, providers
/// and passkeys on their way, a second factor that waits for its first code.
///
/// None of it says by which session it was begun. So all of it ends when a session is ended that somebody does not trust:
/// else a thief begins something, waits for that, and has a way in afterwards.
enum Unfinished {
  /// Inside the transaction that ends the session.
  static func end(of account: UUID, _ transaction: any Transaction) throws {
    try AuthorizationCodeStore(transaction).deleteOpen(of: account)
    try DeviceStore(transaction).deleteApproved(by: account)
    try ProviderVisitStore(transaction).deleteAll(of: account)
    try PasskeyChallengeStore(transaction).deleteAll(of: account)
    try SecondFactorStore(transaction).deleteUnconfirmed(of: account)
  }
}
