import Foundation
import GravityContracts
import GravityHTTP
import OrderAPI

extension OrderService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindOrders(&routes)
    bindCarts(&routes)
    bindSagas(&routes)
    bindPersonalData(&routes)
  }

  private func bindOrders(_ routes: inout Routes) {
    let (placements, desk, table) = (placements, desk, table)
    routes.on(OrderAPI.place) { request, scope in
      let once = try await placements.place(request, by: scope.principal, once: scope.idempotencyKey)
      return try await settled(scope.unwrap(once), scope)
    }
    routes.on(OrderAPI.orders) { request, scope in try await desk.list(request, of: scope.principal) }
    routes.on(OrderAPI.order) { request, scope in try await desk.find(request.id, of: scope.principal) }
    routes.on(OrderAPI.orderForServices) { request, _ in try await desk.find(request.id) }
    routes.on(OrderAPI.cancel) { request, scope in
      try await settled(try await desk.cancel(request, by: scope.principal), scope)
    }
    routes.on(OrderAPI.complete) { request, _ in try await desk.complete(request.id) }
    routes.on(OrderAPI.history) { request, scope in try await desk.history(request.id, of: scope.principal) }
    routes.on(OrderAPI.saga) { request, scope in try await desk.saga(request.id, of: scope.principal) }
    routes.on(OrderAPI.export) { request, _ in try await table.export(request) }
  }

  private func bindCarts(_ routes: inout Routes) {
    let carts = carts
    routes.on(OrderAPI.createCart) { request, scope in
      scope.unwrap(try await carts.create(request, by: scope.optionalPrincipal, once: scope.idempotencyKey))
    }
    routes.on(OrderAPI.cart) { request, scope in try await carts.find(request.id, by: scope.optionalPrincipal) }
    routes.on(OrderAPI.setCartLine) { request, scope in
      try await carts.setLine(request, by: scope.optionalPrincipal) { try scope.require($0) }
    }
    routes.on(OrderAPI.updateCart) { request, scope in
      try await carts.update(request, by: scope.optionalPrincipal) { try scope.require($0) }
    }
    routes.on(OrderAPI.deleteCart) { request, scope in
      try await carts.delete(request.id, by: scope.optionalPrincipal)
      return Empty()
    }
    routes.on(OrderAPI.claimCart) { request, scope in try await carts.claim(request.id, by: scope.principal) }
    routes.on(OrderAPI.checkout) { request, scope in
      let once = try await carts.checkout(request, by: scope.principal, once: scope.idempotencyKey)
      return try await settled(scope.unwrap(once), scope)
    }
  }

  private func bindSagas(_ routes: inout Routes) {
    let sagas = sagaDesk
    routes.on(OrderAPI.sagas) { request, _ in try await sagas.list(request) }
    routes.on(OrderAPI.sagaByID) { request, _ in try await sagas.find(request.id) }
    routes.on(OrderAPI.retrySaga) { request, _ in try await sagas.retry(request.id) }
    routes.stream(OrderAPI.sagaEvents) { _, _ in try sagas.watch() }
  }

  /// The order when its saga has ended, or as it is when the client waits no longer.
  private func settled(_ order: Order, _ scope: RequestScope) async throws -> Order {
    guard let wait = scope.preferredWait else { return order }
    scope.reply.setHeader("Preference-Applied", "wait=\(wait.components.seconds)")
    return try await desk.settled(order, within: wait)
  }
}
