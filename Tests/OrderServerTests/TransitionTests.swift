import GravityContracts
import OrderAPI
import Testing

@testable import OrderServer

@Suite("What may become of an order")
struct TransitionTests {
  /// Written down a second time, by hand.
  private static let orders: [(OrderStatus, OrderOperation, OrderStatus)] = [
    (.pending, .confirm, .confirmed), (.pending, .cancel, .canceled), (.pending, .expire, .expired),
    (.confirmed, .complete, .completed), (.confirmed, .cancel, .canceled),
  ]
  private static let payments: [(OrderPaymentStatus, OrderPaymentOperation, OrderPaymentStatus)] = [
    (.unpaid, .requireAction, .requiresAction), (.unpaid, .authorize, .authorized), (.unpaid, .void, .voided),
    (.requiresAction, .authorize, .authorized), (.requiresAction, .void, .voided),
    (.authorized, .capture, .paid), (.authorized, .void, .voided), (.paid, .refund, .refunded),
  ]

  @Test("Every operation on every status: what is in the table is done, everything else is 409 with what is allowed")
  func orders() throws {
    for status in OrderStatus.allCases {
      let allowed = Self.orders.filter { $0.0 == status }.map(\.1.rawValue).sorted()
      for operation in OrderOperation.allCases {
        if let move = Self.orders.first(where: { $0.0 == status && $0.1 == operation }) {
          #expect(try status.applying(operation) == move.2)
        } else {
          let problem = #expect(throws: Problem.self) { try status.applying(operation) }
          #expect(problem?.status == 409 && problem?.code == "invalid_state")
          #expect(problem?.extensions["allowed"] == .array(allowed.map { .string($0) }))
          #expect(problem?.extensions["state"] == .string(status.rawValue))
        }
      }
    }
  }

  @Test("The same of an order's payment")
  func payments() throws {
    for status in OrderPaymentStatus.allCases {
      for operation in OrderPaymentOperation.allCases {
        if let move = Self.payments.first(where: { $0.0 == status && $0.1 == operation }) {
          #expect(try status.applying(operation) == move.2)
          // What was done already is done again without effect, since a step may run twice.
          #expect(try move.2.next(operation) == move.2)
        } else {
          #expect(throws: Problem.self) { try status.applying(operation) }
        }
      }
    }
  }

  @Test("A number is ten of Crockford's letters, and is read however it is typed")
  func numbers() {
    for _ in 0..<1_000 {
      let number = OrderNumber.random()
      #expect(number.utf8.count == 11)
      #expect(OrderNumber.normalized(number) == number)
      #expect(OrderNumber.normalized(number.lowercased().replacing("-", with: " ")) == number)
    }
    #expect(OrderNumber.normalized("il0o1-abcde") == "11001-ABCDE")
    for bad in ["", "7K3MQ", "7K3MQ-2XF9AA", "7K3MQ-2XF9U", "7K3MQ-2XF9é"] {
      #expect(OrderNumber.normalized(bad) == nil)
    }
  }
}
