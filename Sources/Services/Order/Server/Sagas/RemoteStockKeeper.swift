public import Foundation
import GravityContracts
public import GravityDiscovery
import InventoryAPI
public import OrderAPI

/// Asks the inventory service over HTTP.
public struct RemoteStockKeeper: StockKeeper {
  private let inventory: EndpointClient

  /// - Parameter inventory: With a service token that carries `inventory:reserve`.
  public init(inventory: EndpointClient) { self.inventory = inventory }

  public func reserve(_ lines: [RequestedLine], id: UUID, for time: Duration) async throws {
    _ = try await inventory(
      InventoryAPI.createReservation,
      NewStockReservation(
        id: id, lines: lines.map { .init(sku: $0.sku, quantity: $0.quantity) },
        ttlSeconds: Int(time.components.seconds)))
  }

  public func release(_ id: UUID) async throws {
    _ = try await inventory(InventoryAPI.releaseReservation, StockReservationID(id: id))
  }

  public func commit(_ id: UUID) async throws {
    _ = try await inventory(InventoryAPI.commitReservation, StockReservationID(id: id))
  }

  public func takeBack(_ id: UUID) async throws {
    _ = try await inventory(InventoryAPI.returnReservation, StockReservationID(id: id))
  }
}
