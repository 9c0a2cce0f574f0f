import GravityContracts
import GravityHTTP
import NotificationAPI

extension NotificationService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindNotifications(&routes)
    bindTemplates(&routes)
    bindWebhooks(&routes)
    bindDeliveries(&routes)
    bindUnsubscriptions(&routes)
    bindInbox(&routes)
    bindDevices(&routes)
    bindProviders(&routes)
    bindPersonalData(&routes)
    let suppressions = Suppressions(core: core)
    routes.on(NotificationAPI.suppressions) { request, _ in try await suppressions.list(request) }
    routes.on(NotificationAPI.addSuppression) { request, _ in try await suppressions.add(request) }
    routes.on(NotificationAPI.removeSuppression) { request, _ in
      try await suppressions.remove(request.address)
      return Empty()
    }
  }

  private func bindNotifications(_ routes: inout Routes) {
    let notifications = notifications
    routes.on(NotificationAPI.createNotification) { request, scope in
      scope.unwrap(try await notifications.create(request, once: scope.idempotencyKey))
    }
    routes.on(NotificationAPI.explainNotification) { request, _ in try await notifications.explain(request) }
    routes.on(NotificationAPI.notifications) { request, _ in try await notifications.list(request) }
    routes.on(NotificationAPI.notification) { request, _ in try await notifications.find(request.id) }
    routes.on(NotificationAPI.retryNotification) { request, _ in try await notifications.retry(request.id) }
    routes.on(NotificationAPI.cancelNotification) { request, _ in try await notifications.cancel(request.id) }
    routes.on(NotificationAPI.retryDeadLetters) { request, _ in try await notifications.retry(request) }
    routes.on(NotificationAPI.outbox) { request, _ in try await notifications.outbox(request) }
    routes.on(NotificationAPI.statistics) { request, _ in try await notifications.statistics(request) }
  }

  private func bindWebhooks(_ routes: inout Routes) {
    let webhooks = webhooks
    routes.on(NotificationAPI.createWebhook) { request, scope in
      try await webhooks.create(request, by: scope.principal)
    }
    routes.on(NotificationAPI.webhooks) { request, _ in try await webhooks.list(request) }
    routes.on(NotificationAPI.webhook) { request, _ in try await webhooks.find(request.id) }
    routes.on(NotificationAPI.updateWebhook) { request, scope in
      try await webhooks.update(request) { try scope.require($0) }
    }
    routes.on(NotificationAPI.deleteWebhook) { request, _ in
      try await webhooks.delete(request.id)
      return Empty()
    }
    routes.on(NotificationAPI.rotateWebhookSecret) { request, _ in try await webhooks.rotate(request) }
    routes.on(NotificationAPI.testWebhook) { request, _ in try await webhooks.test(request.id) }
    routes.on(NotificationAPI.webhookDeliveries) { request, _ in try await webhooks.deliveries(request) }
    routes.on(NotificationAPI.webhookDelivery) { request, _ in try await webhooks.delivery(request) }
    routes.on(NotificationAPI.replayWebhookDelivery) { request, _ in try await webhooks.replay(request) }
  }

  private func bindTemplates(_ routes: inout Routes) {
    let book = book
    routes.on(NotificationAPI.templates) { request, _ in try await book.list(request) }
    routes.on(NotificationAPI.template) { request, _ in try await book.find(request.name) }
    routes.on(NotificationAPI.saveDraft) { request, scope in try await book.saveDraft(request, scope.precondition) }
    routes.on(NotificationAPI.discardDraft) { request, scope in
      try await book.discardDraft(request.name, scope.precondition)
    }
    routes.on(NotificationAPI.publishTemplate) { request, scope in
      try await book.publish(request, by: scope.principal, scope.precondition)
    }
    routes.on(NotificationAPI.rollbackTemplate) { request, scope in
      try await book.rollBack(request, scope.precondition)
    }
    routes.on(NotificationAPI.deleteTemplate) { request, scope in
      try await book.delete(request.name, scope.precondition)
      return Empty()
    }
    routes.on(NotificationAPI.templateVersions) { request, _ in try await book.versions(request) }
    routes.on(NotificationAPI.templateVersion) { request, _ in try await book.version(request) }
    routes.on(NotificationAPI.previewTemplate) { request, _ in try await book.preview(request) }
  }
}

extension RequestScope {
  fileprivate var precondition: TemplatePrecondition {
    TemplatePrecondition { tag in
      if let tag { return try require(tag) }
      // RFC 9110 §13.1.1: what does not exist matches nothing, not even `*`.
      guard ifMatch == nil else {
        throw Problem(412, "precondition_failed", "There is nothing here that could match If-Match")
      }
    }
  }
}
