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
  /// Which devices users have.
  let devices: @Sendable (Set<UUID>) async throws -> [UUID: [PushTarget]]

  /// Questions under way at a time.
  private static let greatestQuestions = 16

  func compose(_ assignments: [Assignment], isTraced: Bool = false) async -> [Decision] {
    let answers = await gather(assignments)
    return assignments.map { assignment in
      var trace = DecisionTrace(isOn: isTraced)
      let composition = compose(assignment, answers, &trace)
      return Decision(composition: composition, trace: trace)
    }
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
  private struct Answers {
    var recipients: [Question: Answer] = [:]
    var orders: [Question: Answer] = [:]
    /// Why they are not known, else.
    var devices: Result<[UUID: [PushTarget]], Unknown> = .success([:])
  }
  private struct Unknown: Error { var reason: String }

  private func gather(_ assignments: [Assignment]) async -> Answers {
    var questions: [Question: Span?] = [:]
    for assignment in assignments {
      let notification = assignment.notification
      if let user = notification.userID { questions[.recipient(user)] = assignment.span }
      if let order = Self.order(of: notification) { questions[.order(order)] = assignment.span }
    }
    var answers = Answers()
    let owners = Set(assignments.filter { $0.delivery.channel == .push }.compactMap(\.notification.userID))
    if !owners.isEmpty {
      do { answers.devices = .success(try await devices(owners)) } catch {
        answers.devices = .failure(Unknown(reason: "\(error)"))
      }
    }
    await withTaskGroup(of: (Question, Answer).self) { group in
      var rest = questions.makeIterator()
      func askNext() {
        guard let (question, span) = rest.next() else { return }
        group.addTask { (question, await answer(question, span)) }
      }
      for _ in 0..<Self.greatestQuestions { askNext() }
      while let (question, answer) = await group.next() {
        if case .order = question { answers.orders[question] = answer } else { answers.recipients[question] = answer }
        askNext()
      }
    }
    return answers
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

  private func compose(_ assignment: Assignment, _ answers: Answers, _ trace: inout DecisionTrace) -> Composition {
    let (notification, channel) = (assignment.notification, assignment.delivery.channel)
    // Of somebody who is erased, which only an explanation asks about.
    if assignment.delivery.state == .suppressed {
      trace.note(.recipient, false, "nothing is sent to them any more")
      return .suppressed(assignment.delivery.reason ?? "erased")
    }
    noteTimes(assignment, &trace)
    guard !assignment.isExpired else { return .suppressed("expired") }
    guard let template = assignment.template else {
      trace.note(.template, false, "nothing is published as \(notification.template)")
      return .hopeless(reason: "template_missing", "nothing is published as \(notification.template)")
    }
    guard template.channels.contains(channel) else {
      trace.note(.template, false, "version \(template.version) of \(template.name) has no text for it")
      return .hopeless(
        reason: "template_failed", "version \(template.version) has no text for \(channel.rawValue)")
    }
    trace.note(.template, true, "version \(template.version) of \(template.name)")
    let person: Addressee
    switch addressee(of: assignment, answers) {
    case .success(let found): person = found
    case .failure(let stop):
      trace.note(.recipient, false, stop.words)
      return stop.composition
    }
    trace.note(.recipient, true, person.words(channel))
    if let refusal = refusal(of: assignment, template, answers, &trace) { return refusal }
    if channel == .email, EmailAddress(person.address) == nil {
      trace.note(.recipient, false, "it is not an e-mail address")
      return .suppressed("invalid_address")
    }
    return write(assignment, template, person, answers, &trace)
  }

  private func noteTimes(_ assignment: Assignment, _ trace: inout DecisionTrace) {
    let notification = assignment.notification
    if let time = notification.sendAt { trace.note(.schedule, true, "not before \(WireTime.string(time))") }
    if let time = notification.expiresAt {
      trace.note(.expiry, !assignment.isExpired, "not from \(WireTime.string(time)) on")
    }
  }

  private func write(
    _ assignment: Assignment, _ template: CompiledTemplate, _ person: Addressee, _ answers: Answers,
    _ trace: inout DecisionTrace
  ) -> Composition {
    let (notification, channel) = (assignment.notification, assignment.delivery.channel)
    var data: JSONObject
    do {
      switch try self.data(of: notification, answers.orders) {
      case .success(let found): data = found
      case .failure(let failure): return failure.composition
      }
    } catch { return .hopeless(reason: "template_failed", "the data cannot be read: \(error)") }
    data = Self.with(data, recipient: (person.email, person.name), configuration)
    let wanted = notification.locale ?? person.locale
    do throws(TemplateFault) {
      let content = try template.render(data, locale: wanted, for: channel)
      trace.note(.locale, true, "\(wanted ?? "none") is wanted, \(content.locale) serves")
      let kept =
        template.hasSecrets && !configuration.showsSecrets
        ? try template.render(TemplateData.masked(data, template.variables), locale: content.locale, for: channel)
        : content
      return .message(
        ChannelMessage(
          id: assignment.delivery.id, recipient: person.address, name: person.name, content: content,
          date: notification.sendAt ?? assignment.delivery.createdAt,
          unsubscribe: template.isCritical || channel != .email
            ? nil
            : links.url(
              for: reader(of: assignment, person.address), template.category, date: assignment.delivery.createdAt),
          userID: notification.userID, notificationID: notification.id, category: template.category,
          about: notification.about, expiresAt: notification.expiresAt, devices: person.devices),
        kept: kept,
        templateVersion: template.version)
    } catch {
      trace.note(.locale, false, "\(error)")
      return .hopeless(reason: "template_failed", "version \(template.version): \(error)")
    }
  }

  // MARK: Whom

  /// Somebody, as a channel reaches them.
  private struct Addressee {
    /// By which the channel reaches them.
    var address: String
    /// What templates write for `recipient.email`.
    var email: String
    var name: String?
    var locale: String?
    var devices: [PushTarget] = []

    func words(_ channel: DeliveryChannel) -> String {
      switch channel {
      case .email, .sms: address
      case .push: "\(devices.count) devices"
      case .inApp: "the inbox of \(address)"
      }
    }
  }

  private struct Stop: Error {
    var composition: Composition
    var words: String {
      switch composition {
      case .suppressed(let reason), .failed(let reason): reason
      case .hopeless(_, let error): error
      case .message: ""
      }
    }
    static func suppressed(_ reason: String) -> Stop { Stop(composition: .suppressed(reason)) }
    static func failed(_ reason: String) -> Stop { Stop(composition: .failed(reason)) }
  }

  private func addressee(of assignment: Assignment, _ answers: Answers) -> Result<Addressee, Stop> {
    let notification = assignment.notification
    let given = assignment.delivery.channel == .sms ? notification.phone : notification.address
    let account = notification.userID.flatMap { answers.recipients[.recipient($0)] }
    if let given, [.email, .sms].contains(assignment.delivery.channel) {
      // The language is all that is not known of it; without, it goes in the template's own.
      var locale: String?
      if case .recipient(let found?) = account { locale = found.locale }
      let email = notification.address ?? given
      return .success(
        Addressee(
          address: EmailAddress(given)?.text ?? given, email: EmailAddress(email)?.text ?? email,
          name: notification.name, locale: locale))
    }
    guard let user = notification.userID else { return .failure(.suppressed("erased")) }
    switch account {
    case .recipient(let found?): return reach(user, found, assignment.delivery.channel, answers)
    case .recipient(nil): return .failure(.suppressed("recipient_gone"))
    case .unknown(let error): return .failure(.failed("the recipient cannot be looked up: \(error)"))
    case .order, nil: return .failure(.failed("the recipient was not looked up"))
    }
  }

  private func reach(
    _ user: UUID, _ found: AccountRecipient, _ channel: DeliveryChannel, _ answers: Answers
  ) -> Result<Addressee, Stop> {
    var person = Addressee(
      address: user.lowercased, email: found.email ?? "", name: found.name.isEmpty ? nil : found.name,
      locale: found.locale)
    switch channel {
    case .email:
      guard let email = found.email else { return .failure(.suppressed("no_address")) }
      person.address = EmailAddress(email)?.text ?? email
      person.email = person.address
    case .sms:
      guard let phone = found.phone else {
        // Who knows what they want knows their number, too.
        return .failure(
          found.preferences == nil
            ? .failed("the user service does not say the recipient's number") : .suppressed("no_address"))
      }
      guard PhoneNumber(phone) != nil else { return .failure(.suppressed("invalid_address")) }
      person.address = phone
    case .push:
      switch answers.devices {
      case .failure(let unknown): return .failure(.failed("the devices cannot be looked up: \(unknown.reason)"))
      case .success(let all):
        guard let devices = all[user], !devices.isEmpty else { return .failure(.suppressed("no_device")) }
        person.devices = devices
      }
    case .inApp: break
    }
    return .success(person)
  }

  /// Whom a message goes to, for those who want no more of them.
  func reader(of assignment: Assignment, _ address: String) -> UnsubscribeLinks.Reader {
    assignment.notification.userID.map { .user($0) } ?? links.reader(of: address)
  }

  /// Why somebody is not told: what is critical they are told in any case.
  private func refusal(
    of assignment: Assignment, _ template: CompiledTemplate, _ answers: Answers, _ trace: inout DecisionTrace
  ) -> Composition? {
    guard !template.isCritical else {
      trace.note(.preference, true, "\(template.category.rawValue) is critical: nobody can switch it off")
      return nil
    }
    guard let user = assignment.notification.userID else {
      trace.note(.preference, true, "without an account all is on")
      return nil
    }
    let channel = assignment.delivery.channel
    switch answers.recipients[.recipient(user)] {
    case .recipient(let found?):
      guard let preferences = found.preferences else {
        trace.note(.preference, false, "the user service does not say now")
        return .failed("the user service does not say what the recipient wants")
      }
      guard let wish = NotificationChannel(rawValue: channel.rawValue),
        let category = NotificationCategory(rawValue: template.category.rawValue)
      else { return nil }
      let isOn = preferences.isOn(wish, category)
      trace.note(.preference, isOn, "\(category.rawValue) by \(channel.rawValue) is \(isOn ? "on" : "off")")
      return isOn ? nil : .suppressed("opted_out")
    case .recipient(nil): return nil
    case .unknown(let error):
      trace.note(.preference, false, "the recipient cannot be looked up: \(error)")
      return .failed("the recipient cannot be looked up: \(error)")
    case .order, nil: return .failed("the recipient was not looked up")
    }
  }

  private struct Missing: Error { var composition: Composition }

  private func data(
    of notification: NotificationRow, _ orders: [Question: Answer]
  ) throws -> Result<JSONObject, Missing> {
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
