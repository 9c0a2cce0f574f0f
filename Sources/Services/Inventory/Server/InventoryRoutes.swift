import GravityContracts
import GravityHTTP
import InventoryAPI

extension InventoryService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindItems(&routes)
    bindLocations(&routes)
    bindReservations(&routes)
  }

  private func bindItems(_ routes: inout Routes) {
    let items = items
    routes.on(InventoryAPI.items) { request, _ in try await items.list(request) }
    routes.on(InventoryAPI.createItem) { request, scope in
      scope.unwrap(try await items.create(request, once: scope.idempotencyKey))
    }
    routes.on(InventoryAPI.item) { request, _ in try await items.find(request.sku) }
    routes.on(InventoryAPI.updateItem) { request, _ in try await items.update(request) }
    routes.on(InventoryAPI.adjust) { request, scope in
      scope.unwrap(try await items.adjust(request, once: scope.idempotencyKey))
    }
    routes.on(InventoryAPI.setLevel) { request, _ in try await items.set(request) }
    routes.on(InventoryAPI.movements) { request, _ in try await items.movements(request) }
  }

  private func bindLocations(_ routes: inout Routes) {
    let locations = locations
    routes.on(InventoryAPI.locations) { request, _ in try await locations.list(request) }
    routes.on(InventoryAPI.createLocation) { request, scope in
      scope.unwrap(try await locations.create(request, once: scope.idempotencyKey))
    }
    routes.on(InventoryAPI.location) { request, _ in try await locations.find(request.code) }
    routes.on(InventoryAPI.updateLocation) { request, scope in
      try await locations.update(request) { try scope.require($0.entityTag) }
    }
    routes.on(InventoryAPI.deleteLocation) { request, scope in
      try await locations.delete(request.code) { try scope.require($0.entityTag) }
      return Empty()
    }
  }

  private func bindReservations(_ routes: inout Routes) {
    let reservations = reservations
    routes.on(InventoryAPI.reservations) { request, _ in try await reservations.list(request) }
    routes.on(InventoryAPI.createReservation) { request, scope in
      scope.unwrap(try await reservations.create(request, once: scope.idempotencyKey))
    }
    routes.on(InventoryAPI.reservation) { request, _ in try await reservations.find(request.id) }
    routes.on(InventoryAPI.commitReservation) { request, _ in try await reservations.commit(request.id) }
    routes.on(InventoryAPI.releaseReservation) { request, _ in try await reservations.release(request.id) }
    routes.on(InventoryAPI.extendReservation) { request, _ in try await reservations.extend(request) }
    routes.on(InventoryAPI.returnReservation) { request, _ in try await reservations.takeBack(request.id) }
  }
}
