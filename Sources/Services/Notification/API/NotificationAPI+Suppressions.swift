public import GravityContracts

extension NotificationAPI {
  static let suppressionEndpoints: [any EndpointDescription] = [suppressions, addSuppression, removeSuppression]

  public static let suppressions = Endpoint<PageRequest, Page<Suppression>>(
    "suppressions", .get, "/api/v1/notification-suppressions", access: .permission("notifications:read"),
    summary: "Addresses to which nothing is sent any more, in their order")

  /// One that is there already stays as it is.
  public static let addSuppression = Endpoint<NewSuppression, Suppression>(
    "addSuppression", .post, "/api/v1/notification-suppressions", access: .permission("notifications:write"),
    summary: "Send nothing to an address any more")

  public static let removeSuppression = Endpoint<SuppressedAddress, Empty>(
    "removeSuppression", .delete, "/api/v1/notification-suppressions/{address}",
    access: .permission("notifications:write"), summary: "Send to an address again", problems: ["not_found"])
}
