public import GravityContracts

extension NotificationAPI {
  static let webhookEndpoints: [any EndpointDescription] = [
    createWebhook, webhooks, webhook, updateWebhook, deleteWebhook, rotateWebhookSecret, testWebhook,
    webhookDeliveries, webhookDelivery, replayWebhookDelivery,
  ]

  public static let createWebhook = Endpoint<NewWebhook, Webhook>(
    "createWebhook", .post, "/api/v1/notification-webhooks", access: .permission("webhooks:write"),
    summary: "Have an address told of events; the secret is in this reply only", success: 201,
    problems: ["webhook_exists", "too_many_webhooks"])

  public static let webhooks = Endpoint<PageRequest, Page<Webhook>>(
    "webhooks", .get, "/api/v1/notification-webhooks", access: .permission("webhooks:read"),
    summary: "Webhooks, newest first")

  public static let webhook = Endpoint<WebhookID, Webhook>(
    "webhook", .get, "/api/v1/notification-webhooks/{id}", access: .permission("webhooks:read"),
    problems: ["not_found"])

  public static let updateWebhook = Endpoint<WebhookChange, Webhook>(
    "updateWebhook", .patch, "/api/v1/notification-webhooks/{id}", access: .permission("webhooks:write"),
    summary: "Change where to, what, or whether; enabling it again forgets its failures", precondition: .accepted,
    problems: ["not_found", "webhook_exists"])

  public static let deleteWebhook = Endpoint<WebhookID, Empty>(
    "deleteWebhook", .delete, "/api/v1/notification-webhooks/{id}", access: .permission("webhooks:write"),
    summary: "Delete a webhook, and what was still to be sent to it", problems: ["not_found"])

  public static let rotateWebhookSecret = Endpoint<WebhookRotation, Webhook>(
    "rotateWebhookSecret", .post, "/api/v1/notification-webhooks/{id}/secret/rotate",
    access: .permission("webhooks:write"),
    summary: "A new secret, in this reply only; for a while messages are signed with both", problems: ["not_found"])

  public static let testWebhook = Endpoint<WebhookID, WebhookDelivery>(
    "testWebhook", .post, "/api/v1/notification-webhooks/{id}/test", access: .permission("webhooks:write"),
    summary: "Send it a webhook.test", success: 202, problems: ["not_found", "webhook_disabled"])

  public static let webhookDeliveries = Endpoint<WebhookDeliveryQuery, Page<WebhookDelivery>>(
    "webhookDeliveries", .get, "/api/v1/notification-webhooks/{id}/deliveries", access: .permission("webhooks:read"),
    summary: "What was and is to be sent, newest first", problems: ["not_found"])

  public static let webhookDelivery = Endpoint<WebhookDeliveryID, WebhookDelivery>(
    "webhookDelivery", .get, "/api/v1/notification-webhooks/{id}/deliveries/{delivery_id}",
    access: .permission("webhooks:read"), summary: "A delivery with each attempt", problems: ["not_found"])

  /// 409 `invalid_state` while it is on its way.
  public static let replayWebhookDelivery = Endpoint<WebhookDeliveryID, WebhookDelivery>(
    "replayWebhookDelivery", .post, "/api/v1/notification-webhooks/{id}/deliveries/{delivery_id}/replay",
    access: .permission("webhooks:write"), summary: "Send it once more, under the same webhook-id", success: 202,
    problems: ["not_found", "invalid_state", "webhook_disabled"])
}
