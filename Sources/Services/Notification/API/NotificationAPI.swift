public import GravityContracts

/// What others may know of the notification service: port 8003, database notif_db.
public enum NotificationAPI {
  /// Where the service is found.
  public static let service = "notification"
  public static let standardPort = 8003

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] =
    [
      createNotification, explainNotification, notifications, notification, retryNotification, cancelNotification,
      retryDeadLetters, outbox, statistics, templates, template,
      saveDraft, discardDraft, publishTemplate, rollbackTemplate, deleteTemplate, templateVersions, templateVersion,
      previewTemplate,
    ] + webhookEndpoints + suppressionEndpoints + deliveryEndpoints + unsubscriptionEndpoints + inboxEndpoints
    + deviceEndpoints + providerEndpoints
}

// MARK: - Notifications

extension NotificationAPI {
  /// Where the caller chose `id`, the same again answers with what is there, and another content is 409.
  public static let createNotification = Endpoint<NewNotification, NotificationRecord>(
    "createNotification", .post, "/api/v1/notifications", access: .permission("notifications:write"),
    summary: "Have somebody notified; the message is written and sent soon after", success: 202,
    idempotency: .required, problems: ["id_taken"])

  /// Decided by what sends, on what it would find now; nothing is written and nobody is told.
  public static let explainNotification = Endpoint<NewNotification, NotificationExplanation>(
    "explainNotification", .post, "/api/v1/notifications/explain", access: .permission("notifications:read"),
    summary: "What would become of a notification, and why: every decision on the way")

  public static let notifications = Endpoint<NotificationQuery, Page<NotificationRecord>>(
    "notifications", .get, "/api/v1/notifications", access: .permission("notifications:read"),
    summary: "Notifications, newest first; state=dead_lettered lists what nobody tries any more")

  public static let notification = Endpoint<NotificationID, NotificationRecord>(
    "notification", .get, "/api/v1/notifications/{id}", access: .permission("notifications:read"),
    summary: "A notification with the history of its deliveries", problems: ["not_found"])

  /// 409 `invalid_state` with `allowed`, the states from which it works, when no delivery is in one of them.
  public static let retryNotification = Endpoint<NotificationID, NotificationRecord>(
    "retryNotification", .post, "/api/v1/notifications/{id}/retry", access: .permission("notifications:write"),
    summary: "Try the deliveries that ended as dead letters again, from the first attempt on", success: 202,
    problems: ["not_found", "invalid_state"])

  /// 409 `invalid_state` with `allowed` once it is under way, sent or ended.
  public static let cancelNotification = Endpoint<NotificationID, NotificationRecord>(
    "cancelNotification", .post, "/api/v1/notifications/{id}/cancel", access: .permission("notifications:write"),
    summary: "Do not send what has not been sent", problems: ["not_found", "invalid_state"])

  public static let retryDeadLetters = Endpoint<DeadLetterRetry, DeadLetterRetryResult>(
    "retryDeadLetters", .post, "/api/v1/notifications/dead-letters/retry", access: .permission("notifications:write"),
    summary: "Try many dead letters again, the oldest first, as after a mail server was away", success: 202)

  public static let outbox = Endpoint<OutboxQuery, Page<OutboxMessage>>(
    "notificationOutbox", .get, "/api/v1/notifications/outbox", access: .permission("notifications:read"),
    summary: "Messages as they were written, newest first")

  public static let statistics = Endpoint<StatisticsQuery, NotificationStatistics>(
    "notificationStatistics", .get, "/api/v1/notifications/statistics", access: .permission("notifications:read"),
    summary: "How many deliveries are in each state")
}

// MARK: - Templates

extension NotificationAPI {
  public static let templates = Endpoint<PageRequest, Page<MessageTemplate>>(
    "notificationTemplates", .get, "/api/v1/notification-templates", access: .permission("templates:read"),
    summary: "Templates by name, built-in ones and one's own")

  public static let template = Endpoint<TemplateName, MessageTemplate>(
    "notificationTemplate", .get, "/api/v1/notification-templates/{name}", access: .permission("templates:read"),
    summary: "A template with its draft", problems: ["not_found"])

  /// Makes the template if there is none. A draft may be unfinished: it is checked when it is published.
  public static let saveDraft = Endpoint<DraftWrite, MessageTemplate>(
    "saveTemplateDraft", .put, "/api/v1/notification-templates/{name}/draft", access: .permission("templates:write"),
    summary: "Replace the draft of a template", precondition: .accepted, problems: ["too_many_templates"])

  public static let discardDraft = Endpoint<TemplateName, MessageTemplate>(
    "discardTemplateDraft", .delete, "/api/v1/notification-templates/{name}/draft",
    access: .permission("templates:write"),
    summary: "Throw the draft away", precondition: .accepted, problems: ["not_found"])

  /// 422 with everything that is wrong: a variable that is not declared, a locale that is not complete, a header that
  /// has lines.
  public static let publishTemplate = Endpoint<TemplatePublication, MessageTemplate>(
    "publishTemplate", .post, "/api/v1/notification-templates/{name}/publish", access: .permission("templates:write"),
    summary: "Make the draft the next version, which all messages are written with from now on",
    precondition: .accepted, problems: ["not_found", "no_draft"])

  public static let rollbackTemplate = Endpoint<TemplateRollback, MessageTemplate>(
    "rollbackTemplate", .post, "/api/v1/notification-templates/{name}/rollback", access: .permission("templates:write"),
    summary: "Go back to an earlier version; 0 is the one that is built in", precondition: .accepted,
    problems: ["not_found"])

  public static let deleteTemplate = Endpoint<TemplateName, Empty>(
    "deleteTemplate", .delete, "/api/v1/notification-templates/{name}", access: .permission("templates:write"),
    summary: "Delete a template of one's own with all its versions", precondition: .accepted,
    problems: ["not_found", "built_in"])

  public static let templateVersions = Endpoint<TemplateVersionQuery, Page<TemplateVersion>>(
    "templateVersions", .get, "/api/v1/notification-templates/{name}/versions", access: .permission("templates:read"),
    summary: "What was published, newest first", problems: ["not_found"])

  public static let templateVersion = Endpoint<TemplateVersionID, TemplateVersion>(
    "templateVersion", .get, "/api/v1/notification-templates/{name}/versions/{version}",
    access: .permission("templates:read"), problems: ["not_found"])

  public static let previewTemplate = Endpoint<TemplatePreview, RenderedMessage>(
    "previewTemplate", .post, "/api/v1/notification-templates/{name}/preview", access: .permission("templates:read"),
    summary: "Write a message with the draft or a version; what data leaves out comes from the examples",
    problems: ["not_found", "no_draft"])
}
