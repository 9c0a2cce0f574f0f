import GravityContracts
import GravityHTTP
import NotificationAPI

extension NotificationService {
  func bindDeliveries(_ routes: inout Routes) {
    let (deliveries, suppressions) = (DeliveryList(core: core), Suppressions(core: core))
    routes.on(NotificationAPI.deliveries) { request, _ in try await deliveries.page(request) }
    routes.on(NotificationAPI.messages) { request, _ in try await deliveries.messages(of: request.id) }
    routes.on(NotificationAPI.suppression) { request, _ in try await suppressions.find(request.address) }
  }
}
