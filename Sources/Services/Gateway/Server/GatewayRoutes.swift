import Gateway
import GatewayAPI
import GravityContracts
import GravityHTTP

extension GatewayAdministration {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    routes.on(GatewayAPI.gateway) { _, _ in await view() }
    routes.on(GatewayAPI.routes) { request, _ in
      try await page(gateway.routes.map(RouteView.init), request)
    }
    routes.on(GatewayAPI.instances) { request, _ in
      try await page(await gateway.instances().map(InstanceView.init), request)
    }
    routes.on(GatewayAPI.resetBreaker) { request, _ in try await reset(request) }
    routes.on(GatewayAPI.limits) { request, _ in
      try await page(gateway.limits.map(LimitView.init), request)
    }
    routes.on(GatewayAPI.traffic) { request, _ in
      try await page(await traffic(), request)
    }
  }
}
