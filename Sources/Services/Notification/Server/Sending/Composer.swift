import Foundation
import GravityContracts
import GravityTelemetry
import NotificationAPI
import ServiceContextModule

/// What is to be sent: a delivery with its notification.
struct Assignment: Sendable {
  var delivery: DeliveryRow
  var notification: NotificationRow
  /// nil when nothing is published under that name.
  var template: CompiledTemplate?
  /// This attempt's place in the trace of what led to the message.
  var span: Span?
}

/// What became of writing a message.
enum Composition: Sendable {
  case message(ChannelMessage, templateVersion: Int64)
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
    guard let template = assignment.template else {
      return .hopeless(reason: "template_missing", "nothing is published as \(notification.template)")
    }
    var address: (email: String, name: String?, locale: String?)
    if let user = notification.userID {
      switch recipients[.recipient(user)] {
      case .recipient(let found?):
        guard let email = found.email else { return .suppressed("no_address") }
        address = (email, found.name.isEmpty ? nil : found.name, found.locale)
      case .recipient(nil): return .suppressed("recipient_gone")
      case .unknown(let error): return .failed("the recipient cannot be looked up: \(error)")
      case .order, nil: return .failed("the recipient was not looked up")
      }
    } else if let email = notification.address {
      address = (email, notification.name, nil)
    } else {
      return .suppressed("erased")
    }
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
      return .message(
        ChannelMessage(
          id: assignment.delivery.id, recipient: email.text, name: address.name, content: content,
          date: notification.sendAt ?? assignment.delivery.createdAt), templateVersion: template.version)
    } catch { return .hopeless(reason: "template_failed", "version \(template.version): \(error)") }
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
