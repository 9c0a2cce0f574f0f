public import Foundation
import GravityContracts
public import GravityDiscovery
import OrderAPI

/// Asks the order service over HTTP.
public struct RemoteOrderReader: OrderReader {
  private let orders: EndpointClient
  private let timeout: Duration

  /// - Parameters:
  ///   - orders: With a service token.
  ///   - timeout: How long one question may take.
  public init(orders: EndpointClient, timeout: Duration = .seconds(2)) {
    self.orders = orders
    self.timeout = timeout
  }

  public func order(_ id: UUID) async throws -> OrderSummary? {
    let order: Order
    do { order = try await orders(OrderAPI.orderForServices, OrderID(id: id), timeout: timeout) } catch let problem
      as Problem
      where problem.status == 404 && problem.code == "not_found"
    {
      return nil
    }
    return OrderSummary(
      id: order.id, number: order.number, userID: order.userID,
      lines: order.lines.map { .init(sku: $0.sku, title: $0.title, quantity: $0.quantity, total: $0.total) },
      total: order.total,
      cancelReason: order.cancelReason ?? (order.status == .known(.expired) ? "payment_expired" : nil))
  }
}
