import GravityContracts
import GravityHTTP
import NotificationAPI

extension NotificationService {
  /// Decodes, calls, encodes; nothing else.
  func bind(to routes: inout Routes) {
    bindNotifications(&routes)
    bindTemplates(&routes)
  }

  private func bindNotifications(_ routes: inout Routes) {
    let notifications = notifications
    routes.on(NotificationAPI.createNotification) { request, scope in
      scope.unwrap(try await notifications.create(request, once: scope.idempotencyKey))
    }
    routes.on(NotificationAPI.notifications) { request, _ in try await notifications.list(request) }
    routes.on(NotificationAPI.notification) { request, _ in try await notifications.find(request.id) }
    routes.on(NotificationAPI.retryNotification) { request, _ in try await notifications.retry(request.id) }
    routes.on(NotificationAPI.outbox) { request, _ in try await notifications.outbox(request) }
    routes.on(NotificationAPI.statistics) { request, _ in try await notifications.statistics(request) }
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
