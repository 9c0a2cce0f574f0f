import Foundation
import GravityContracts
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

extension PaymentFixture {
  /// Brings a new payment of 1 000 into `stage`, by what clients can do and what providers do to them. From then on
  /// the provider is silent.
  func payment(in stage: Stage) async throws -> UUID {
    let id = OrderedIDs.next()
    provider.recover()
    func create(_ method: String?, _ more: [String: Any] = [:]) async throws {
      _ = try await self.create(method, id: id, more: more)
    }
    func capture(_ amount: Int64? = nil) async throws {
      _ = try await send(PaymentAPI.capture, id, amount.map { money($0) } ?? [:])
    }
    switch stage {
    case .requiresPaymentMethod: try await create(nil)
    case .requiresConfirmation: try await create("pm_sim_approve", ["confirm": false])
    case .requiresAction: try await create("pm_sim_requires_action")
    case .authorizing:
      provider.goSilent()
      try await create("pm_sim_approve")
    case .authorized: try await create("pm_sim_approve")
    case .capturing:
      try await create("pm_sim_approve")
      provider.goSilent()
      try await capture()
    case .partlyCaptured:
      try await create("pm_sim_approve")
      try await capture(400)
    case .capturingMore:
      try await create("pm_sim_approve")
      try await capture(400)
      provider.goSilent()
      try await capture()
    case .releasing:
      try await create("pm_sim_approve")
      try await capture(400)
      provider.goSilent()
      _ = try await send(PaymentAPI.release, id)
    case .voiding:
      try await create("pm_sim_approve")
      provider.goSilent()
      _ = try await send(PaymentAPI.cancel, id)
    case .givingBack:
      try await create("pm_sim_approve")
      provider.fail(.capture, with: .lostOnTheWayBack)
      provider.fail(.refund, with: .lostOnTheWay)
      try await capture()
      _ = try await send(PaymentAPI.cancel, id)
      try await service.reconciler.reconcileDue(all: true)
    case .succeeded:
      try await create("pm_sim_approve")
      try await capture()
    case .canceled:
      try await create("pm_sim_approve")
      _ = try await send(PaymentAPI.cancel, id)
    }
    provider.goSilent()
    try #require(try await row(id).stage == stage, "\(stage)")
    return id
  }

  /// Asks for an operation with its plainest request.
  func ask(_ operation: PaymentOperation, _ id: UUID) async throws -> (status: Int, text: String) {
    switch operation {
    case .confirm:
      let reply = try await send(PaymentAPI.confirm, id, ["payment_method": "pm_sim_approve"])
      return (reply.status, reply.text)
    case .completeAction:
      let reply = try await send(
        PaymentAPI.completeAction, id, ["outcome": "succeed"],
        token: FakeVerifier.user(OrderedIDs.next(), ["payments:write"]))
      return (reply.status, reply.text)
    case .capture:
      let reply = try await send(PaymentAPI.capture, id)
      return (reply.status, reply.text)
    case .release:
      let reply = try await send(PaymentAPI.release, id)
      return (reply.status, reply.text)
    case .cancel:
      let reply = try await send(PaymentAPI.cancel, id)
      return (reply.status, reply.text)
    case .refund:
      let reply = try await send(PaymentAPI.createRefund, id, money(1))
      return (reply.status, reply.text)
    }
  }
}
