import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

@Suite struct PersonalDataTests {
  @Test(
    "a payment keeps its amounts and loses what was written beside them, once no money is held",
    arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let customer = OrderedIDs.next()
      let made = try await payments.create(
        more: ["customer_id": customer.lowercased, "metadata": ["name": "Ada Lovelace"]]
      ).value
      let holder = payments.service.personalData
      func erase() async throws { try await payments.database.write { try holder.erase(customer, in: $0) } }
      func receipt() async throws -> ErasureReceipt {
        let row = try await payments.database.rows("SELECT receipt FROM gravity_erasures WHERE user_id = \(customer)")
        let text = try #require(try row.first?.get("receipt", as: String.self))
        return try WireFormat.makeDecoder().decode(ErasureReceipt.self, from: Data(text.utf8))
      }
      #expect(try await holder.items(PersonalDataQuery(userID: customer), in: payments.database).items.count == 1)
      try await erase()
      #expect(try await receipt().waiting == ["payments_under_way": 1])
      #expect(try await payments.payment(made.id).metadata == ["name": "Ada Lovelace"])
      _ = try await payments.send(PaymentAPI.capture, made.id, payments.money(1_000))
      try await erase()
      let (left, told) = (try await payments.payment(made.id), try await receipt())
      #expect(told.isComplete && told.erased == ["payment_details": 1] && told.kept == ["payments": 1])
      #expect(left.metadata.isEmpty)
      #expect(left.amount == made.amount && left.customerID == customer && left.status == .known(.succeeded))
      #expect(try await payments.balance().balanced)
      // Nothing is asked of them any more.
      let late = try await payments.create(more: ["customer_id": customer.lowercased])
      #expect(late.status == 409 && late.code == "customer_erased")
    }
  }
}
