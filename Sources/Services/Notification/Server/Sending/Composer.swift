import Foundation
import GravityContracts
import GravityTelemetry
import NotificationAPI
import ServiceContextModule
import UserAPI

/// What is to be sent: a delivery with its notification.
struct Assignment: Sendable {
  var delivery: DeliveryRow
  var notification: NotificationRow
  /// nil when nothing is published under that name.
  var template: CompiledTemplate?
  /// Whether it makes no sense any more.
  var isExpired = false
  /// This attempt's place in the trace of what led to the message.
  var span: Span?
}

/// What became of writing a message.
enum Composition: Sendable {
  /// - Parameter kept: What the outbox shows of it.
  case message(ChannelMessage, kept: RenderedMessage, templateVersion: Int64)
  /// There is nobody to send it to.
  case suppressed(String)
  /// Something is away.
  case failed(String)
  /// It will never be written like that: somebody has to look.
  case hopeless(reason: String, String)
}

/// Writes messages: asks who the recipients are and what there is to tell them, each once in a batch.
struct Composer: Sendable {
  let configuration: NotificationConfiguration
  let directory: any RecipientDirectory
  let orders: any OrderReader
  let links: UnsubscribeLinks

  /// Questions under way at a time.
  private static let greatestQuestions = 16

  func compose(_ assignments: [Assignment]) async -> [Composition] {
    let (recipients, orders) = await gather(assignments)
    return assignments.map { compose($0, recipients, orders) }
  }

  // MARK: Asking

  private enum Question: Hashable, Sendable {
    case recipient(UUID)
    case order(UUID)
  }
  private enum Answer: Sendable {
    case recipient(AccountRecipient?)
    case order(OrderSummary?)
    case unknown(String)
  }
  private typealias Answers = [Question: Answer]

  private func gather(_ assignments: [Assignment]) async -> (recipients: Answers, orders: Answers) {
    var questions: [Question: Span?] = [:]
    for assignment in assignments {
      let notification = assignment.notification
      if let user = notification.userID { questions[.recipient(user)] = assignment.span }
      if let order = Self.order(of: notification) { questions[.order(order)] = assignment.span }
    }
    var (recipients, orders) = (Answers(), Answers())
    await withTaskGroup(of: (Question, Answer).self) { group in
      var rest = questions.makeIterator()
      func askNext() {
        guard let (question, span) = rest.next() else { return }
        group.addTask { (question, await answer(question, span)) }
      }
      for _ in 0..<Self.greatestQuestions { askNext() }
      while let (question, answer) = await group.next() {
        if case .order = question { orders[question] = answer } else { recipients[question] = answer }
        askNext()
      }
    }
    return (recipients, orders)
  }

  /// In the trace of the message that it is for; of one of them, where several have the same question.
  private func answer(_ question: Question, _ span: Span?) async -> Answer {
    var context = ServiceContext.current ?? .topLevel
    context.span = span
    return await ServiceContext.withValue(context) {
      do {
        switch question {
        case .recipient(let account): return .recipient(try await directory.recipient(account))
        case .order(let order): return .order(try await orders.order(order))
        }
      } catch { return .unknown("\(error)") }
    }
  }

  private static func order(of notification: NotificationRow) -> UUID? {
    notification.source == .order ? notification.about.flatMap(UUID.init) : nil
  }

  // MARK: Writing

  private func compose(_ assignment: Assignment, _ recipients: Answers, _ orders: Answers) -> Composition {
    let notification = assignment.notification
    guard !assignment.isExpired else { return .suppressed("expired") }
    guard let template = assignment.template else {
      return .hopeless(reason: "template_missing", "nothing is published as \(notification.template)")
    }
    var address: (email: String, name: String?, locale: String?)
    if let email = notification.address {
      // The language is all that is not known of it; without, it goes in the template's own.
      var locale: String?
      if let user = notification.userID, case .recipient(let found?) = recipients[.recipient(user)] {
        locale = found.locale
      }
      address = (email, notification.name, locale)
    } else if let user = notification.userID {
      switch recipients[.recipient(user)] {
      case .recipient(let found?):
        guard let email = found.email else { return .suppressed("no_address") }
        address = (email, found.name.isEmpty ? nil : found.name, found.locale)
      case .recipient(nil): return .suppressed("recipient_gone")
      case .unknown(let error): return .failed("the recipient cannot be looked up: \(error)")
      case .order, nil: return .failed("the recipient was not looked up")
      }
    } else {
      return .suppressed("erased")
    }
    if let refusal = refusal(of: assignment, template, recipients) { return refusal }
    guard let email = EmailAddress(address.email) else { return .suppressed("invalid_address") }
    var data: JSONObject
    do {
      switch try self.data(of: notification, orders) {
      case .success(let found): data = found
      case .failure(let failure): return failure.composition
      }
    } catch { return .hopeless(reason: "template_failed", "the data cannot be read: \(error)") }
    data = Self.with(data, recipient: (email.text, address.name), configuration)
    do throws(TemplateFault) {
      let content = try template.render(data, locale: notification.locale ?? address.locale)
      let kept =
        template.hasSecrets && !configuration.showsSecrets
        ? try template.render(TemplateData.masked(data, template.variables), locale: content.locale) : content
      return .message(
        ChannelMessage(
          id: assignment.delivery.id, recipient: email.text, name: address.name, content: content,
          date: notification.sendAt ?? assignment.delivery.createdAt,
          unsubscribe: template.isCritical
            ? nil
            : links.url(
              for: reader(of: assignment, email.text), template.category, date: assignment.delivery.createdAt)),
        kept: kept,
        templateVersion: template.version)
    } catch { return .hopeless(reason: "template_failed", "version \(template.version): \(error)") }
  }

  /// Whom a message goes to, for those who want no more of them.
  func reader(of assignment: Assignment, _ address: String) -> UnsubscribeLinks.Reader {
    assignment.notification.userID.map { .user($0) } ?? links.reader(of: address)
  }

  /// Why somebody is not told: what is critical they are told in any case.
  private func refusal(
    of assignment: Assignment, _ template: CompiledTemplate, _ recipients: Answers
  ) -> Composition? {
    guard !template.isCritical, let user = assignment.notification.userID else { return nil }
    switch recipients[.recipient(user)] {
    case .recipient(let found?):
      guard let preferences = found.preferences else {
        return .failed("the user service does not say what the recipient wants")
      }
      guard let channel = NotificationChannel(rawValue: assignment.delivery.channel.rawValue),
        let category = NotificationCategory(rawValue: template.category.rawValue)
      else { return nil }
      return preferences.isOn(channel, category) ? nil : .suppressed("opted_out")
    case .recipient(nil): return nil
    case .unknown(let error): return .failed("the recipient cannot be looked up: \(error)")
    case .order, nil: return .failed("the recipient was not looked up")
    }
  }

  private struct Missing: Error { var composition: Composition }

  private func data(of notification: NotificationRow, _ orders: Answers) throws -> Result<JSONObject, Missing> {
    switch notification.source {
    case .account: return .success([:])
    case .request:
      guard let text = notification.data else { return .success([:]) }
      return .success(try JSONDecoder().decode(JSONObject.self, from: Data(text.utf8)))
    case .order:
      guard let id = Self.order(of: notification) else {
        return .failure(Missing(composition: .hopeless(reason: "template_failed", "it is about no order")))
      }
      switch orders[.order(id)] {
      case .order(let order?):
        // What somebody bought is told to nobody else, whatever an event says.
        guard order.userID == notification.userID else {
          return .failure(Missing(composition: .hopeless(reason: "not_the_owner", "the order is somebody else's")))
        }
        return .success(["order": OrderData.value(order)])
      // It was said that there is one, so it may be there in a moment.
      case .order(nil): return .failure(Missing(composition: .failed("the order service does not know the order")))
      case .unknown(let error):
        return .failure(Missing(composition: .failed("the order cannot be looked up: \(error)")))
      case .recipient, nil: return .failure(Missing(composition: .failed("the order was not looked up")))
      }
    }
  }

  /// Adds what every template may write.
  static func with(
    _ data: JSONObject, recipient: (email: String, name: String?), _ configuration: NotificationConfiguration
  ) -> JSONObject {
    var data = data
    var person: [String: JSONValue] = ["email": .string(recipient.email)]
    if let name = recipient.name { person["name"] = .string(name) }
    data.members["recipient"] = .object(person)
    data.members["site"] = .object(["name": .string(configuration.siteName)])
    return data
  }
}
