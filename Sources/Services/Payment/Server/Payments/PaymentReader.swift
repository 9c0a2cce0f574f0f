import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import PaymentAPI

/// Who may see what.
struct PaymentReader: Sendable {
  let core: PaymentCore

  /// One's own, or anybody's with payments:read. Somebody else's is as unknown as one that never was.
  func payment(_ id: UUID, for principal: Principal) async throws -> Payment {
    try await core.read { transaction, _ in try Self.visible(id, to: principal, transaction).payment }
  }

  func payment(_ id: UUID) async throws -> Payment {
    try await core.read { transaction, _ in try Payments.existing(id, transaction).payment }
  }

  func list(_ request: PaymentSearch, for principal: Principal) async throws -> Page<Payment> {
    let limit = try PageLimit.checked(request.limit)
    let before = try request.cursor.map { try $0.id }
    var customer = request.customerID
    if !principal.may(PaymentAPI.readPermission) {
      let own = try principal.accountID
      guard customer == nil || customer == own else { return Page(items: [], nextCursor: nil) }
      customer = own
    }
    let whose = customer
    let rows = try await core.read { transaction, _ in
      try PaymentStore(transaction).list(
        before: before, order: request.orderID, customer: whose, limit: limit + 1)
    }
    return Page(fetched: rows.map(\.payment), limit: limit) { Cursor([$0.id.lowercased]) }
  }

  func attempts(of id: UUID) async throws -> PaymentAttemptList {
    try await core.read { transaction, _ in
      let row = try Payments.existing(id, transaction)
      return PaymentAttemptList(items: try AttemptStore(transaction).list(of: row.id).map(\.attempt))
    }
  }

  func refunds(of id: UUID, for principal: Principal) async throws -> RefundList {
    try await core.read { transaction, _ in
      let row = try Self.visible(id, to: principal, transaction)
      return RefundList(items: try RefundStore(transaction).list(of: row.id).map(\.refund))
    }
  }

  func refund(_ request: RefundID) async throws -> Refund {
    try await core.read { transaction, _ in
      guard let row = try RefundStore(transaction).find(request.id), row.paymentID == request.paymentID else {
        throw Problem.notFound("refund")
      }
      return row.refund
    }
  }

  private static func visible(
    _ id: UUID, to principal: Principal, _ transaction: any Transaction
  ) throws -> PaymentRow {
    let row = try Payments.existing(id, transaction)
    guard principal.may(PaymentAPI.readPermission) || row.customerID == UUID(uuidString: principal.subject),
      row.customerID != nil || principal.may(PaymentAPI.readPermission)
    else { throw Problem.notFound("payment") }
    return row
  }
}
